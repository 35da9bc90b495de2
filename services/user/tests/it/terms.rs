use crate::helpers::World;

#[tokio::test]
async fn anybody_can_read_the_terms_in_force() {
    let world = World::start().await;
    let terms = world.api.get("/terms").await.expect(200);
    let terms = terms.as_array().unwrap();
    let overview: Vec<_> = terms
        .iter()
        .map(|one| (one["type"].as_str().unwrap(), one["required"].as_bool().unwrap()))
        .collect();
    assert_eq!(overview, [("SERVICE", true), ("PRIVACY", true), ("MARKETING", false)]);
    for one in terms {
        for text in ["version", "title", "body"] {
            assert!(!one[text].as_str().unwrap().is_empty(), "{one}");
        }
    }
}

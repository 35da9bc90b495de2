//! Topics are made once and can be taken away again.

use messages::Topic;
use test_support::TestEnv;

#[tokio::test]
async fn topics_are_made_once_and_deleted_whole() {
    let env = TestEnv::new().await;
    let (kafka, prefix) = (env.kafka(), env.topic_prefix());
    assert_eq!(
        outbox::topics::create(kafka, prefix).await.unwrap().len(),
        Topic::ALL.len()
    );
    assert_eq!(
        outbox::topics::create(kafka, prefix).await.unwrap(),
        Vec::<String>::new()
    );
    outbox::topics::delete(kafka, prefix).await.unwrap();
    outbox::topics::delete(kafka, prefix).await.unwrap();
    assert_eq!(
        outbox::topics::create(kafka, prefix).await.unwrap().len(),
        Topic::ALL.len()
    );
    outbox::topics::delete(kafka, prefix).await.unwrap();
}

//! The operators' page in a real browser, on a whole system.

use serde_json::{Value, json};
use std::time::Duration;
use system_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Buyer, Part, System};
use test_support::{Api, eventually, servers::Browser};

const SOON: Duration = Duration::from_secs(60);

/// The page as who looks at it sees it.
struct Page {
    browser: Browser,
}

impl Page {
    async fn shows(&self, what: &str, script: &str) {
        eventually(what, SOON, || async {
            (self.browser.run(script).await == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// Waits until a section has a card with that value.
    async fn has(&self, section: &str, card: &str, value: &str) {
        let script = format!(
            "return [...document.querySelectorAll('#{section} .card')].some((card) =>
                card.firstChild.textContent === '{card}' && card.querySelector('b').textContent === '{value}')"
        );
        self.shows(&format!("{section}: {card} is {value}"), &script).await;
    }

    /// Waits until this stands on the page.
    async fn says(&self, text: &str) {
        let script = format!("return document.body.innerText.includes('{text}')");
        self.shows(text, &script).await;
    }

    async fn sign_in(&self, email: &str, password: &str) {
        self.shows("the form", "return !document.getElementById('sign-in').hidden")
            .await;
        self.browser.fill("#sign-in [name=email]", email).await;
        self.browser.fill("#sign-in [name=password]", password).await;
        self.browser.click("#sign-in button").await;
    }

    /// Neither errors nor what the policy forbids. A service that is down makes the browser mention its replies, which is no
    /// fault of the page.
    async fn is_sound(&self, host: &str) {
        let console = self.browser.console().await;
        let errors: Vec<_> = console
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" && entry["source"] != "network")
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        let requested = self.browser.requested().await;
        let strangers: Vec<_> = requested.iter().filter(|url| !url.starts_with(host)).collect();
        assert!(!requested.is_empty() && strangers.is_empty(), "{strangers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_watches_and_leads_a_sale_in_the_browser() {
    let browser = match Browser::start().await {
        Ok(browser) => browser,
        Err(missing) => return missing.report(),
    };
    let page = Page { browser };
    let mut system = System::start().await;
    let admin = system.admin().await;
    let sale = admin.open_sale(1, 4).await;
    let settings = format!("/queue/admin/events/{}", sale.event_id);
    let _paused = admin.api().put(&settings, &json!({"paused": true})).await.expect(200);
    let buyer = Buyer::register(&system).await;
    let _place = buyer
        .api()
        .post("/queue/enter", &json!({"eventId": sale.event_id}))
        .await
        .expect(200);

    let host = system.url(Part::Gateway);
    page.browser.go(&format!("{host}/operator")).await;
    page.sign_in(ADMIN_EMAIL, "not-the-password-1!").await;
    page.says("You could not be signed in: 401 INVALID_CREDENTIALS").await;
    page.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await;
    page.has("lines", "waiting", "1").await;
    page.says("새벽 콘서트 (paused)").await;
    page.has("services", "queue-service", "UP").await;
    page.has("money", "stuck", "0").await;
    page.has("calls", "payment → portone", "closed").await;
    page.shows(
        "requests a second",
        "return Number(document.querySelector('#gateway .card b').textContent) > 0",
    )
    .await;

    // A question first, and "no" changes nothing.
    page.browser.click("#lines .pause").await;
    page.browser.click("#no").await;
    assert_eq!(admin.api().put(&settings, &json!({})).await.expect(200)["paused"], true);
    page.browser.click("#lines .pause").await;
    page.browser.click("#yes").await;
    page.has("lines", "admitted now", "1").await;
    page.has("lines", "waiting", "0").await;
    page.says("The line of 새벽 콘서트 admits 100 a second.").await;
    page.browser.click("#lines .pause").await;
    page.browser.click("#yes").await;
    page.says("The line of 새벽 콘서트 is paused.").await;
    page.browser.fill("#lines input", "7").await;
    page.browser.click("#lines form button:not(.pause)").await;
    page.browser.click("#yes").await;
    eventually("both are changed", SOON, || async {
        let now = admin.api().put(&settings, &json!({})).await.expect(200);
        (now["paused"] == true && now["admissionPerSecond"] == 7).then_some(())
    })
    .await;

    page.browser.be_a_phone().await;
    page.shows(
        "everything has room on a telephone",
        "return document.documentElement.scrollWidth <= 390",
    )
    .await;
    page.is_sound(&host).await;

    // One part is away: that is said, and the rest goes on.
    system.kill(Part::Payment).await;
    page.has("services", "payment-service", "DOWN").await;
    page.says("payment does not answer").await;
    page.has("lines", "admitted now", "1").await;
    system.restart(Part::Payment).await;
    page.has("services", "payment-service", "UP").await;

    // Somebody who buys tickets has no business here.
    page.browser.click("#sign-out").await;
    page.says("Signed out.").await;
    page.browser.fill("#with-token input", buyer.token()).await;
    page.browser.click("#with-token button").await;
    page.says("Forbidden: this page is for administrators.").await;
    let shown = page.browser.run("return document.getElementById('board').hidden").await;
    assert_eq!(shown, true);
    page.is_sound(&host).await;
    metrics_are_there(&system).await;
}

/// What the programs show is described, and what is measured now and then is there.
async fn metrics_are_there(system: &System) {
    for (part, wanted) in [
        (Part::Gateway, "gateway_redis_up"),
        (Part::User, "db_pool_connections_max"),
        (Part::Event, "dlq_messages"),
        (Part::Queue, "redis_memory_used_bytes"),
        (Part::Reservation, "consumer_lag"),
        (Part::Payment, "outbox_oldest_seconds"),
    ] {
        let text = eventually(&format!("{wanted} of {part:?}"), SOON, || async {
            let shown = Api::new(&system.url(part)).get("/metrics").await.expect(200);
            let text = shown.as_str()?.to_owned();
            text.contains(&format!("\n{wanted}")).then_some(text)
        })
        .await;
        for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = family.split(' ').next().unwrap();
            let help = format!("# HELP {name} ");
            assert_eq!(text.matches(&help).count(), 1, "{part:?} says what {name} is, once");
        }
    }
}

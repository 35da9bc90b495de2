use super::{
    Missing, on_path,
    process::{Folder, PATIENCE, Process},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};
use tokio::{process::Command, time::Instant};

/// Where a found element's id stands in WebDriver's replies.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Chromium without a screen, led by WebDriver. It begins with an empty profile and ends with this value.
pub struct Browser {
    http: reqwest::Client,
    port: u16,
    /// The session's path.
    session: String,
    _driver: Process,
    _folder: Folder,
}

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    /// What is missing on this machine.
    ///
    /// # Panics
    /// When it is there and does not start.
    pub async fn start() -> Result<Self, Missing> {
        let (chromium, driver) = (on_path("chromium")?, on_path("chromedriver")?);
        let folder = Folder::new("browser");
        let mut command = Command::new(driver);
        command
            .arg("--port=0")
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path());
        let driver = Process::start(command, &folder);
        let port = port(&folder).await;
        common::lifecycle::install_tls_provider();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("a client can be made");
        let mut browser = Self {
            http,
            port,
            session: String::new(),
            _driver: driver,
            _folder: folder,
        };
        let wishes = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"binary": chromium, "args": [
                "--headless=new",
                // Containers have neither the rights for a sandbox nor much shared memory.
                "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ]},
        }}});
        let session = browser.call(Method::POST, "/session", &wishes).await;
        let id = session["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("/session/{id}");
        Ok(browser)
    }

    /// Goes to an address and waits until the page is loaded.
    pub async fn go(&self, url: &str) {
        self.command("/url", &json!({ "url": url })).await;
    }

    /// Runs a function's body in the page and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({"script": script, "args": []}))
            .await
    }

    /// Clicks on what the selector finds, as a user would: it must be visible.
    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.command(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Types into what the selector finds, instead of what stands there.
    pub async fn fill(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.command(&format!("/element/{element}/clear"), &json!({})).await;
        self.command(&format!("/element/{element}/value"), &json!({ "text": text }))
            .await;
    }

    /// Has the screen of a telephone from now on.
    pub async fn be_a_phone(&self) {
        let screen = json!({"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true});
        let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": screen});
        self.command("/goog/cdp/execute", &command).await;
    }

    /// What the console has said since the last time, as `{level, source, message}`.
    pub async fn console(&self) -> Vec<Value> {
        self.log("browser").await
    }

    /// The addresses that the page has asked for since the last time.
    pub async fn requested(&self) -> Vec<String> {
        let entries = self.log("performance").await.into_iter();
        let urls = entries.filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let is_request = event["message"]["method"] == "Network.requestWillBeSent";
            let url = event["message"]["params"]["request"]["url"].as_str()?.to_owned();
            is_request.then_some(url)
        });
        urls.collect()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.command("/se/log", &json!({ "type": kind })).await;
        entries.as_array().cloned().unwrap_or_default()
    }

    async fn find(&self, selector: &str) -> String {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.command("/element", &wanted).await;
        found[ELEMENT].as_str().expect("an element has an id").to_owned()
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, &format!("{}{path}", self.session), body).await
    }

    /// # Panics
    /// When the driver refuses, with what it says.
    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let reply = self.http.request(method, url).json(body).send().await;
        let reply = reply.expect("the driver answers");
        let status = reply.status();
        let told: Value = reply.json().await.expect("the driver speaks JSON");
        assert!(status.is_success(), "{path}: {}", told["value"]["message"]);
        told["value"].clone()
    }
}

impl Drop for Browser {
    /// A driver that is killed leaves its browser behind, so it is asked first.
    fn drop(&mut self) {
        let quit = || -> std::io::Result<()> {
            let mut driver = TcpStream::connect(("127.0.0.1", self.port))?;
            driver.set_read_timeout(Some(Duration::from_secs(5)))?;
            write!(
                driver,
                "DELETE {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                self.session, self.port
            )?;
            driver.read(&mut [0; 512]).map(|_| ())
        };
        // Nobody is left to be told.
        let _gone = quit();
    }
}

/// The port that the driver has chosen, out of what it says.
async fn port(folder: &Folder) -> u16 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = folder.said();
        let port = said
            .split_once("successfully on port ")
            .and_then(|(_, rest)| rest.split_once('.'))
            .and_then(|(port, _)| port.parse().ok());
        if let Some(port) = port {
            return port;
        }
        assert!(Instant::now() < deadline, "the driver does not start: {said}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! A real Gitea on this machine, of its own folder and without any rights, and what it says on
//! its own side of what happened.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User as SystemUser};
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use tempfile::TempDir;
use url::form_urlencoded;

use super::http::{self, Answer};
use super::module::Tree;
use super::{Visitor, eventually, git, process};

/// Whom it runs as where the tests are root's: it refuses to be root.
const NOBODY: u32 = 65534;

/// Gitea's program and the folder with its templates.
pub struct Installed {
    program: PathBuf,
    source: PathBuf,
}

/// A running Gitea; ends with the value.
pub struct Gitea {
    child: Child,
    url: String,
    admin: Account,
    dir: TempDir,
}

/// Somebody there, with a token.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    pub token: String,
}

/// An entry of Gitea's own list of deliveries.
#[derive(Debug, Clone)]
pub struct Sent {
    pub event: String,
    pub done: bool,
    pub accepted: bool,
    /// What was answered.
    pub answer: String,
}

/// A status as Gitea shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub context: String,
    pub state: String,
    pub description: String,
    pub target_url: String,
}

impl Installed {
    /// None: it is not on this machine, which is said.
    pub fn find() -> Option<Self> {
        let names = ["POCKETCI_TEST_GITEA", "POCKETCI_TEST_GITEA_SOURCE"];
        let [program, source] = names.map(|name| std::env::var_os(name).map(PathBuf::from));
        if program.is_none() || source.is_none() {
            println!("skipped: {} and {} are not set", names[0], names[1]);
        }
        Some(Self { program: program?, source: source? })
    }

    /// Starts one with nothing in it but an administrator.
    pub fn start(&self) -> Gitea {
        let dir = tempfile::Builder::new().prefix("pocketci-gitea-").tempdir().unwrap();
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        std::fs::write(dir.path().join("app.ini"), self.settings(dir.path(), port)).unwrap();
        if Uid::effective().is_root() {
            for path in [dir.path(), &dir.path().join("app.ini")] {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let log = std::fs::File::create(dir.path().join("said")).unwrap();
        let mut command = self.command(dir.path());
        command.arg("web").stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
        let child = command.process_group(0).spawn().unwrap();
        let admin = Account { name: "boss".to_owned(), token: String::new() };
        let mut gitea = Gitea { child, url, admin, dir };
        eventually("Gitea to be up", || {
            let healthy = http::send("GET", &gitea.at("/api/healthz"), &[], b"").ok()?;
            (healthy.status == 200).then_some(())
        });
        let made = self
            .command(gitea.dir.path())
            .args(["admin", "user", "create", "--admin", "--username", "boss"])
            .args(["--password", &password("boss"), "--email", "boss@example.com"])
            .arg("--must-change-password=false")
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        gitea.admin.token = gitea.token("boss", &["all"]);
        gitea
    }

    fn command(&self, dir: &Path) -> Command {
        let mut command = if Uid::effective().is_root() {
            let mut command = process::program("setpriv");
            let nobody = NOBODY.to_string();
            command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", "--"]);
            command.arg(&self.program);
            command
        } else {
            process::program(&self.program)
        };
        command.env("HOME", dir).env("USER", runs_as()).current_dir(dir);
        command.arg("--config").arg(dir.join("app.ini")).arg("--work-path").arg(dir);
        command
    }

    fn settings(&self, dir: &Path, port: u16) -> String {
        let (dir, source, user) = (dir.display(), self.source.display(), runs_as());
        format!(
            "RUN_USER = {user}\nRUN_MODE = prod\nWORK_PATH = {dir}\n\
             [server]\nHTTP_ADDR = 127.0.0.1\nHTTP_PORT = {port}\n\
             ROOT_URL = http://127.0.0.1:{port}/\nSTATIC_ROOT_PATH = {source}\n\
             DISABLE_SSH = true\nOFFLINE_MODE = true\nLFS_START_SERVER = false\n\
             [database]\nDB_TYPE = sqlite3\nPATH = {dir}/gitea.db\n\
             [repository]\nROOT = {dir}/repositories\n\
             [security]\nINSTALL_LOCK = true\nSECRET_KEY = for-tests-alone\n\
             PASSWORD_HASH_ALGO = pbkdf2$1$50\n\
             [webhook]\nALLOWED_HOST_LIST = loopback\n\
             [indexer]\nISSUE_INDEXER_TYPE = db\n\
             [actions]\nENABLED = false\n[mailer]\nENABLED = false\n\
             [log]\nMODE = console\nLEVEL = Warn\n"
        )
    }
}

impl Gitea {
    /// An address of it.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A new account with a token that may do anything in its name.
    pub fn account(&self, name: &str) -> Account {
        self.account_that_may(name, &["all"])
    }

    /// The same with a token of these scopes.
    pub fn account_that_may(&self, name: &str, scopes: &[&str]) -> Account {
        let about = json!({
            "username": name, "password": password(name), "email": format!("{name}@example.com"),
            "must_change_password": false,
        });
        self.ask(&self.admin, "POST", "/admin/users", about);
        Account { name: name.to_owned(), token: self.token(name, scopes) }
    }

    fn token(&self, name: &str, scopes: &[&str]) -> String {
        use base64::Engine as _;
        let login = format!("{name}:{}", password(name));
        let login = base64::engine::general_purpose::STANDARD.encode(login);
        let body = json!({"name": "tests", "scopes": scopes}).to_string();
        let headers =
            [("Authorization", &*format!("Basic {login}")), ("Content-Type", "application/json")];
        let url = self.at(&format!("/api/v1/users/{name}/tokens"));
        let answer = http::post(&url, &headers, body.as_bytes());
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["sha1"].as_str().unwrap().to_owned()
    }

    /// An application that people sign in to with their accounts here: its id and its secret.
    pub fn application(&self, of: &Account, redirect: &str) -> (String, String) {
        let about = json!({
            "name": "pocketci", "redirect_uris": [redirect], "confidential_client": true,
        });
        let made = self.ask(of, "POST", "/user/applications/oauth2", about);
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        (text("client_id"), text("client_secret"))
    }

    /// Somebody's browser, which the agent has sent here, signs in; gives the page that asks
    /// whether the agent may know.
    #[track_caller]
    pub fn signs_in(&self, browser: &mut Visitor, asked: &Answer, who: &Account) -> Answer {
        let (_, form) = asked.body.split_once("<form").expect("a form to sign in with");
        let action = attribute(form, "action").unwrap();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("user_name", &who.name).append_pair("password", &password(&who.name));
        browser.send(&self.at(&action), &form.finish())
    }

    /// The person presses a button of the page that asks whether the agent may know; gives where
    /// that leads.
    #[track_caller]
    pub fn lets_know(&self, browser: &mut Visitor, asked: &Answer, yes: bool) -> Answer {
        let form = asked.body.split_once("/login/oauth/grant");
        let (_, form) =
            form.unwrap_or_else(|| panic!("not asked, at {:?}: {asked:?}", browser.visited));
        let (form, _) = form.split_once("</form>").unwrap();
        let mut filled = form_urlencoded::Serializer::new(String::new());
        for tag in form.split("<input").skip(1) {
            filled.append_pair(&attribute(tag, "name").unwrap(), &attribute(tag, "value").unwrap());
        }
        filled.append_pair("granted", if yes { "true" } else { "false" });
        browser.send(&self.at("/login/oauth/grant"), &filled.finish())
    }

    /// Asks its API in somebody's name; null where it answers nothing.
    #[track_caller]
    pub fn ask(&self, who: &Account, method: &str, path: &str, body: Value) -> Value {
        let answer = self.try_ask(who, method, path, &body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// The same, whatever it answers.
    #[track_caller]
    pub fn try_ask(&self, who: &Account, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let token = format!("token {}", who.token);
        let headers = [("Authorization", &*token), ("Content-Type", "application/json")];
        let url = self.at(&format!("/api/v1{path}"));
        let answer = http::send(method, &url, &headers, body.as_bytes());
        answer.unwrap_or_else(|why| panic!("{method} {path}: {why}"))
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.ask(&self.admin, "GET", path, Value::Null)
    }

    /// A commit on top of another in a repository of the story's own.
    pub fn commit(
        &self,
        work: &Path,
        branch: &str,
        parent: Option<&str>,
        message: &str,
        tree: impl Into<Tree>,
    ) -> String {
        if !work.exists() {
            git::init(work, "main");
        }
        let reference = format!("refs/heads/{branch}");
        git::commit(work, &reference, parent, message, tree.into().files())
    }

    /// Pushes there in somebody's name.
    #[track_caller]
    pub fn push(&self, who: &Account, work: &Path, repository: &str, references: &[&str]) {
        let host = self.url.trim_start_matches("http://");
        let url = format!("http://{}:{}@{host}/{repository}.git", who.name, who.token);
        git::git(work, &[&["push", "--quiet", &url], references].concat());
    }

    /// What a commit shows, by context.
    pub fn shown(&self, repository: &str, sha: &str) -> Vec<Shown> {
        let combined = self.get(&format!("/repos/{repository}/commits/{sha}/status?limit=50"));
        let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let mut shown: Vec<Shown> = combined["statuses"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| Shown {
                context: text(one, "context"),
                state: text(one, "status"),
                description: text(one, "description"),
                target_url: text(one, "target_url"),
            })
            .collect();
        shown.sort_by(|a, b| a.context.cmp(&b.context));
        shown
    }

    /// Waits until a commit shows this.
    #[track_caller]
    pub fn expect_status(&self, repository: &str, sha: &str, context: &str, state: &str) -> Shown {
        eventually(&format!("{context} to be {state} on {sha}"), || {
            let mut shown = self.shown(repository, sha).into_iter();
            shown.find(|one| one.context == context && one.state == state)
        })
    }

    /// Writes a comment, and gives its id.
    #[track_caller]
    pub fn comment(&self, who: &Account, repository: &str, number: u64, text: &str) -> u64 {
        let path = format!("/repos/{repository}/issues/{number}/comments");
        self.ask(who, "POST", &path, json!({"body": text}))["id"].as_u64().unwrap()
    }

    /// The comments of a pull request: who, and what.
    pub fn comments(&self, repository: &str, number: u64) -> Vec<(String, String)> {
        let found = self.get(&format!("/repos/{repository}/issues/{number}/comments"));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let comments = found.as_array().unwrap().iter();
        comments.map(|one| (text(&one["user"]["login"]), text(&one["body"]))).collect()
    }

    /// Waits for the first reaction to a comment.
    #[track_caller]
    pub fn expect_reaction(&self, repository: &str, comment: u64) -> String {
        eventually(&format!("a reaction to comment {comment}"), || {
            let path = format!("/repos/{repository}/issues/comments/{comment}/reactions");
            self.get(&path).get(0)?["content"].as_str().map(str::to_owned)
        })
    }

    /// Opens a pull request, and gives its number.
    #[track_caller]
    pub fn open_pull(&self, who: &Account, repository: &str, head: &str, title: &str) -> u64 {
        let body = json!({"title": title, "head": head, "base": "main"});
        let made = self.ask(who, "POST", &format!("/repos/{repository}/pulls"), body);
        made["number"].as_u64().unwrap()
    }

    /// Its own list of what webhooks were sent; read from its database, since its API has none.
    pub fn sent(&self) -> Vec<Sent> {
        let path = self.dir.path().join("gitea.db");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let rows: Vec<(String, bool, bool, String)> = runtime.block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
            let mut database = options.connect().await.unwrap();
            let question = "SELECT event_type, is_delivered, is_succeed, \
                            coalesce(response_content, '') FROM hook_task ORDER BY id";
            sqlx::query_as(question).fetch_all(&mut database).await.unwrap()
        });
        // It marks one as delivered before it sends it; an answer is noted when there is one, or
        // will be none.
        let sent = |(event, begun, accepted, answer): (_, bool, _, String)| Sent {
            event,
            done: begun && !answer.is_empty(),
            accepted,
            answer,
        };
        rows.into_iter().map(sent).collect()
    }

    /// Waits until everything was delivered, and demands that all of it was accepted.
    #[track_caller]
    pub fn expect_all_accepted(&self) -> Vec<Sent> {
        let sent = eventually("all webhooks to be sent", || {
            let sent = self.sent();
            sent.iter().all(|one| one.done).then_some(sent)
        });
        let refused: Vec<_> = sent.iter().filter(|one| !one.accepted).collect();
        assert!(refused.is_empty(), "not accepted: {refused:?}");
        sent
    }
}

impl Drop for Gitea {
    fn drop(&mut self) {
        process::signal(self.child.id() as i32, Signal::SIGTERM);
        let _ended = self.child.wait();
        if std::thread::panicking() {
            let said = std::fs::read_to_string(self.dir.path().join("said")).unwrap_or_default();
            eprintln!("--- Gitea said\n{said}\n---");
        }
    }
}

/// An attribute of a tag, which is the beginning of this.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.replace("&amp;", "&"))
}

/// A port that nobody listens at, for what must know it before it starts.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn password(name: &str) -> String {
    format!("{name}-is-here-1")
}

fn runs_as() -> String {
    let uid = Uid::effective();
    let uid = if uid.is_root() { Uid::from_raw(NOBODY) } else { uid };
    SystemUser::from_uid(uid).unwrap().expect("an account for the user").name
}

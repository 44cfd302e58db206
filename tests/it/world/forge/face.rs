//! The HTTP face: statuses by REST with GitHub's validations, repositories by smart HTTP.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use base64::Engine as _;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::oneshot;

use super::super::git;
use super::kind::Asked;
use super::{Kind, Ledger, Refusal, Request, Status, USERNAME, conversation, hooks, past, sign_in};

/// GitHub's limit on a status's description, in characters.
const DESCRIPTION_LIMIT: usize = 140;

/// The server's thread; it ends when this is dropped, whatever its requests are doing.
pub(super) struct Face {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Face {
    pub(super) fn open(listener: std::net::TcpListener, ledger: Arc<Ledger>) -> Self {
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let router = Router::new()
                    .fallback(answer)
                    .layer(DefaultBodyLimit::disable())
                    .with_state(ledger);
                tokio::select! {
                    served = axum::serve(listener, router) => served.unwrap(),
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Face {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

async fn answer(
    State(ledger): State<Arc<Ledger>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let path = uri.path().to_owned();
    let elsewhere = ledger.state().redirect.clone().filter(|(_, which)| which(&path));
    let person = || sign_in::answer(&ledger, &method, &uri, &headers, &body);
    let person = if elsewhere.is_none() { person() } else { None };
    let response = match path.strip_prefix(ledger.kind.api()) {
        _ if person.is_some() => person.unwrap(),
        _ if elsewhere.is_some() => {
            let (root, _) = elsewhere.unwrap();
            let rest = uri.path_and_query().map_or(path.as_str(), |rest| rest.as_str());
            let mut response = message(307, "Moved");
            let place = header::HeaderValue::from_str(&format!("{root}{rest}")).unwrap();
            response.headers_mut().insert(header::LOCATION, place);
            response
        }
        Some(api) => {
            let query = uri.query().unwrap_or_default();
            rest(&ledger, &method, (api, query), &headers, &body).await
        }
        None => repository(&ledger, &method, &uri, &headers, body).await,
    };
    let request = Request {
        method: method.to_string(),
        path: uri.path_and_query().map_or(path, ToString::to_string),
        authorization: text(&headers, header::AUTHORIZATION.as_str()),
        status: response.status().as_u16(),
    };
    ledger.change(|state| state.requests.push(request));
    response
}

/// What a refusal looks like on the wire; hanging is done here.
pub(super) async fn refuse(refusal: Refusal, sha: &str) -> Response<Body> {
    match refusal {
        Refusal::BadGateway => message(502, "Server Error"),
        Refusal::RateLimited(seconds) => {
            let mut response = message(429, "You have exceeded a secondary rate limit");
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
        }
        Refusal::Exhausted(seconds) => {
            let mut response = message(403, "API rate limit exceeded for user ID 42.");
            let reset = jiff::Timestamp::now().as_second() + seconds as i64;
            response.headers_mut().insert("x-ratelimit-remaining", 0.into());
            response.headers_mut().insert("x-ratelimit-reset", reset.into());
            response
        }
        Refusal::NoCommit => message(422, &format!("No commit found for SHA: {sha}")),
        Refusal::BadCredentials => message(401, "Bad credentials"),
        Refusal::Archived => message(403, "Repository was archived so is read-only."),
        Refusal::Hang => std::future::pending().await,
        Refusal::Truncated => message(500, "only repositories can be cut short"),
        Refusal::Drop => {
            // A body that fails makes the server hang up in the middle of it.
            let broken = futures_util::stream::once(async {
                Err::<Bytes, _>(std::io::Error::other("dropped on purpose"))
            });
            let mut response = Response::new(Body::from_stream(broken));
            response.headers_mut().insert(header::CONTENT_LENGTH, 100.into());
            response
        }
    }
}

async fn rest(
    ledger: &Ledger,
    method: &Method,
    (path, query): (&str, &str),
    headers: &HeaderMap,
    body: &[u8],
) -> Response<Body> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if let Some(answer) = super::app::answer(ledger, method, (&parts, query), headers, body).await {
        return answer;
    }
    match text(headers, "authorization") {
        None => return message(401, "Requires authentication"),
        Some(header) if !is_ours(ledger, &header) => return message(401, "Bad credentials"),
        Some(_) => {}
    }
    if ledger.kind != Kind::Github {
        let asked = Asked::new(method.as_str(), path, query, body);
        return ledger.kind.answer(ledger, &asked).await;
    }
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["repos", owner, name, "statuses", sha]) => {
            status(ledger, &format!("{owner}/{name}"), sha, body).await
        }
        (_, ["repos", owner, name, "collaborators" | "issues" | "pulls", ..]) => {
            let repository = format!("{owner}/{name}");
            match conversation::answer(ledger, method.as_str(), &repository, &parts[3..], body) {
                Ok(response) => response,
                Err(refusal) => refuse(refusal, "").await,
            }
        }
        ("POST" | "PATCH" | "DELETE", ["repos", owner, name, "hooks", rest @ ..]) => {
            let asked = hooks::Asked {
                method: method.as_str(),
                repository: format!("{owner}/{name}"),
                rest: rest.to_vec(),
                page: String::new(),
                body: serde_json::from_slice(body).unwrap_or_default(),
            };
            hooks::answer(ledger, &asked).unwrap_or_else(|| message(404, "Not Found"))
        }
        ("GET", ["rate_limit"]) => respond(200, &json!({"rate": {"limit": 5000}})),
        ("GET", ["user"]) => respond(200, &json!({"login": USERNAME, "id": 42})),
        ("GET", ["repos", _, _, "commits", sha, "status"]) => {
            let refusal = ledger.state().looks_refused_with;
            match refusal {
                Some(refusal) => refuse(refusal, sha).await,
                None => past::answer(ledger, &parts, query),
            }
        }
        ("GET", parts) => past::answer(ledger, parts, query),
        _ => message(404, "Not Found"),
    }
}

/// `POST /repos/{owner}/{name}/statuses/{sha}`.
pub(super) async fn status(
    ledger: &Ledger,
    repository: &str,
    sha: &str,
    body: &[u8],
) -> Response<Body> {
    if let Some(refusal) = refusal(ledger) {
        return refuse(refusal, sha).await;
    }
    let Some(folder) = ledger.repository(repository) else { return message(404, "Not Found") };
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return message(400, "Problems parsing JSON");
    };
    let field = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let mut status = Status {
        id: 0,
        repository: repository.to_owned(),
        sha: sha.to_owned(),
        state: field("state"),
        context: body["context"].as_str().unwrap_or("default").to_owned(),
        description: field("description"),
        target_url: field("target_url"),
    };
    if let Some(why) = fault(&status) {
        return message(422, &why);
    }
    if !has_commit(&folder, sha).await {
        return message(422, &format!("No commit found for SHA: {sha}"));
    }
    status.id = ledger.change(super::State::next_post);
    let answer = json!({
        "id": status.id, "state": status.state, "context": status.context, "description": status.description,
        "target_url": status.target_url,
    });
    ledger.change(|state| state.statuses.push(status));
    respond(201, &answer)
}

/// What GitHub finds wrong with a status.
fn fault(status: &Status) -> Option<String> {
    if !["error", "failure", "pending", "success"].contains(&status.state.as_str()) {
        return Some("Validation Failed: State is not included in the list".to_owned());
    }
    let length = status.description.chars().count();
    if length > DESCRIPTION_LIMIT {
        return Some(
            "Validation Failed: description is too long (maximum is 140 characters)".into(),
        );
    }
    let url = &status.target_url;
    let web = url.is_empty() || url.starts_with("http://") || url.starts_with("https://");
    (!web).then(|| "Validation Failed: target_url must use http(s) scheme".to_owned())
}

pub(super) async fn has_commit(folder: &Path, sha: &str) -> bool {
    let is_full = sha.len() == 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut git = tokio::process::Command::from(git::command(folder));
    let git = git.args(["cat-file", "-e", &format!("{sha}^{{commit}}")]);
    let git = git.stderr(std::process::Stdio::null());
    is_full && git.status().await.unwrap().success()
}

/// `/{owner}/{name}.git/…`, read only, by `git http-backend`.
async fn repository(
    ledger: &Ledger,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let refusal = ledger.state().git_refused_with;
    // A cut is one of the pack; the list of references is whole.
    let cut = refusal == Some(Refusal::Truncated) && method == Method::POST;
    if refusal == Some(Refusal::Hang) {
        // It will never be answered, and came all the same.
        let (method, path) = (method.to_string(), uri.path().to_owned());
        let authorization = text(headers, header::AUTHORIZATION.as_str());
        let request = Request { method, path, authorization, status: 0 };
        ledger.change(|state| state.requests.push(request));
    }
    if let Some(refusal) = refusal.filter(|refusal| *refusal != Refusal::Truncated) {
        return refuse(refusal, "").await;
    }
    let path = ledger.kind.git_path(uri.path());
    let parts: Vec<&str> = path.trim_start_matches('/').splitn(3, '/').collect();
    let [owner, name, rest] = parts.as_slice() else { return message(404, "Not Found") };
    let name = format!("{owner}/{}", name.trim_end_matches(".git"));
    let public = ledger.state().public;
    if !public
        && !text(headers, "authorization").is_some_and(|header| {
            super::app::admits(ledger, &header, &name).unwrap_or_else(|| is_ours(ledger, &header))
        })
    {
        let mut response = message(401, "Requires authentication");
        let realm = header::HeaderValue::from_static("Basic realm=\"GitHub\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        return response;
    }
    if ledger.repository(&name).is_none() || rest.contains("receive-pack") {
        return message(404, "Not Found");
    }
    let mut backend = git::http_backend(&ledger.repositories());
    backend
        .env("PATH_INFO", format!("/{name}.git/{rest}"))
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", method.as_str())
        .env("CONTENT_LENGTH", body.len().to_string());
    for (variable, header) in [
        ("CONTENT_TYPE", "content-type"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ("GIT_PROTOCOL", "git-protocol"),
    ] {
        if let Some(value) = text(headers, header) {
            backend.env(variable, value);
        }
    }
    let response = gateway(backend, body).await;
    if !cut {
        return response;
    }
    let (head, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Response::from_parts(head, Body::from(whole.slice(..whole.len() / 2)))
}

/// Runs a CGI program and turns what it says into a response.
async fn gateway(program: std::process::Command, body: Bytes) -> Response<Body> {
    use std::process::Stdio;
    let mut program = tokio::process::Command::from(program);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = program.kill_on_drop(true).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feed = tokio::spawn(async move {
        // It may end before it has read everything.
        let _broken_pipe = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap();
    feed.await.unwrap();
    let Some(end) = output.stdout.windows(4).position(|four| four == b"\r\n\r\n") else {
        return message(500, "git http-backend gave no answer");
    };
    let head = String::from_utf8_lossy(&output.stdout[..end]).into_owned();
    let mut response = Response::builder();
    for (name, value) in head.split("\r\n").filter_map(|line| line.split_once(": ")) {
        if name == "Status" {
            let code = value.split(' ').next().unwrap().parse::<u16>().unwrap();
            response = response.status(code);
        } else {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(output.stdout[end + 4..].to_vec())).unwrap()
}

/// Whether a header carries the one right token, in any of the ways GitHub takes it.
fn is_ours(ledger: &Ledger, header: &str) -> bool {
    let Some((scheme, value)) = header.split_once(' ') else { return false };
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => value == ledger.token,
        "basic" => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(value);
            decoded.is_ok_and(|text| {
                text == format!("{}:{}", ledger.kind.username(), ledger.token).into_bytes()
            })
        }
        _ => false,
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

pub(super) fn message(status: u16, text: &str) -> Response<Body> {
    respond(status, &json!({"message": text, "documentation_url": "https://docs.github.com/rest"}))
}

pub(super) fn respond(status: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let json = header::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// What a story wants to be answered instead of a status or a check being taken.
pub(super) fn refusal(ledger: &Ledger) -> Option<Refusal> {
    ledger.change(|state| {
        let (refusal, times) = state.statuses_refused_with.as_mut()?;
        let refusal = *refusal;
        match times {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        Some(refusal)
    })
}

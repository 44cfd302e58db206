//! From a pushed commit to a checkout of it: a warm mirror and our checkout, against `git fetch`
//! into a mirror and `git clone --depth 10` of that, in the same run.
//!
//! Makes a repository of 10,000 files and 300 commits in a temporary folder and serves it with
//! `git daemon`. Each round pushes one commit and lets both have it, in turns as to who begins;
//! medians are printed. `cargo bench --bench checkout [-- ROUNDS [FILES]]`

#![expect(clippy::disallowed_methods, reason = "git itself is what this compares with")]
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pocketci::domain::event::Repository;
use pocketci::domain::ids::Sha;
use pocketci::domain::spec::GitDepth;
use pocketci::git::{Mirrors, Want};

const COMMITS: u64 = 300;
const DEPTH: u32 = 10;

fn main() -> anyhow::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<u64>().ok());
    let (rounds, files) = (numbers.next().unwrap_or(9), numbers.next().unwrap_or(10_000));
    let dir = tempfile::tempdir()?;
    let mut server = Server::start(dir.path(), files)?;
    let theirs = dir.path().join("theirs.git");
    git(dir.path(), &["clone", "-q", "--mirror", &server.url, &theirs.to_string_lossy()])?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mirrors = Mirrors::new(dir.path().join("ours"), Vec::new());
    let ours = |sha: &Sha, out: &Path| -> anyhow::Result<[Duration; 2]> {
        let begin = Instant::now();
        let wants = [Want::commit(sha, "refs/heads/main")];
        let mirror = runtime.block_on(mirrors.ensure(&server.repository, &wants))?;
        let fetched = begin.elapsed();
        mirror.checkout(sha, out, GitDepth::Commits(DEPTH))?;
        Ok([fetched, begin.elapsed() - fetched])
    };
    let git_does = |out: &Path| -> anyhow::Result<[Duration; 2]> {
        let begin = Instant::now();
        git(&theirs, &["fetch", "-q", "origin", "+refs/heads/main:refs/heads/main"])?;
        let fetched = begin.elapsed();
        let (depth, url) = (format!("--depth={DEPTH}"), format!("file://{}", theirs.display()));
        git(dir.path(), &["clone", "-q", &depth, &url, &out.to_string_lossy()])?;
        Ok([fetched, begin.elapsed() - fetched])
    };
    println!(
        "{files} files, {COMMITS} commits, depth {DEPTH}; {rounds} rounds after one for warming up"
    );
    let mut times: [Vec<[Duration; 2]>; 2] = Default::default();
    for round in 0..=rounds {
        let sha = push(&server.path, COMMITS + round, files)?;
        let outs = ["ours", "theirs"].map(|who| dir.path().join(format!("{who}-{round}")));
        for turn in 0..2 {
            let who = usize::from((round + turn) % 2 == 1);
            let time = if who == 0 { ours(&sha, &outs[0])? } else { git_does(&outs[1])? };
            if round > 0 {
                times[who].push(time);
            }
        }
        for out in &outs {
            let status = git(out, &["status", "--porcelain"])?;
            anyhow::ensure!(status.is_empty(), "`{}` is not clean: {status}", out.display());
            std::fs::remove_dir_all(out)?;
        }
    }
    let median = |who: usize, part: fn(&[Duration; 2]) -> Duration| {
        let mut all: Vec<_> = times[who].iter().map(part).collect();
        all.sort();
        all[all.len() / 2].as_secs_f64() * 1e3
    };
    println!("{:12} {:>10} {:>10} {:>6}", "median, ms", "pocketci", "git", "ratio");
    for (name, part) in [
        ("fetch", (|t| t[0]) as fn(&[Duration; 2]) -> Duration),
        ("checkout", |t| t[1]),
        ("both", |t| t[0] + t[1]),
    ] {
        let (a, b) = (median(0, part), median(1, part));
        println!("{name:12} {a:10.1} {b:10.1} {:6.2}", a / b);
    }
    server.daemon.kill()?;
    server.daemon.wait()?;
    Ok(())
}

struct Server {
    path: PathBuf,
    url: String,
    repository: Repository,
    daemon: Child,
}

impl Server {
    fn start(dir: &Path, files: u64) -> anyhow::Result<Self> {
        let path = dir.join("server.git");
        git(dir, &["init", "-q", "--bare", "-b", "main", &path.to_string_lossy()])?;
        import(&path, &history(files))?;
        git(&path, &["repack", "-adq"])?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let program = Path::new(&git(dir, &["--exec-path"])?).join("git-daemon");
        let daemon = Command::new(program)
            .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", dir.display()))
            .stderr(Stdio::null())
            .spawn()?;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        let url = format!("git://127.0.0.1:{port}/server.git");
        let repository = Repository {
            full_name: "bench/files".parse()?,
            owner: "bench".to_owned(),
            name: "files".to_owned(),
            clone_url: url.clone(),
            url: String::new(),
            default_branch: "main".to_owned(),
            private: false,
        };
        Ok(Self { path, url, repository, daemon })
    }
}

fn path(file: u64) -> String {
    format!("src/{}/{}/file-{file}.txt", file % 20, file / 20 % 25)
}

/// A stream for `git fast-import`: everything in one commit, then a few files in each.
fn history(files: u64) -> String {
    let mut stream = String::new();
    for number in 0..COMMITS {
        let changed: Vec<u64> = match number {
            0 => (0..files).collect(),
            _ => (0..5).map(|n| (number * 131 + n * 977) % files).collect(),
        };
        commit(&mut stream, number, &changed);
    }
    stream
}

fn commit(stream: &mut String, number: u64, changed: &[u64]) {
    let time = 1_700_000_000 + number * 60;
    let message = format!("Commit {number}");
    let _ = write!(
        stream,
        "commit refs/heads/main\ncommitter Ada <ada@example.org> {time} +0000\ndata {}\n{message}\n",
        message.len()
    );
    // Within one stream a branch goes on by itself.
    if number >= COMMITS {
        stream.push_str("from refs/heads/main^0\n");
    }
    for file in changed {
        let lines = 5 + file % 40;
        let text: String =
            (0..lines).map(|line| format!("{number} {file} {}\n", line * file)).collect();
        let _ = write!(stream, "M 100644 inline {}\ndata {}\n{text}\n", path(*file), text.len());
    }
}

/// Pushes one commit to the server.
fn push(server: &Path, number: u64, files: u64) -> anyhow::Result<Sha> {
    let mut stream = String::new();
    commit(&mut stream, number, &[number % files, number * 7 % files, number * 13 % files]);
    import(server, &stream)?;
    Ok(git(server, &["rev-parse", "refs/heads/main"])?.parse()?)
}

fn import(server: &Path, stream: &str) -> anyhow::Result<()> {
    let mut child = Command::new("git")
        .current_dir(server)
        .args(["fast-import", "--quiet", "--force"])
        .stdin(Stdio::piped())
        .spawn()?;
    let input = child.stdin.take().ok_or_else(|| anyhow::anyhow!("git takes no input"))?;
    let mut input = std::io::BufWriter::new(input);
    input.write_all(stream.as_bytes())?;
    drop(input.into_inner().map_err(|error| error.into_error())?);
    anyhow::ensure!(child.wait()?.success(), "git fast-import failed");
    Ok(())
}

fn git(dir: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").current_dir(dir).args(args).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "git {}: {error}", args.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

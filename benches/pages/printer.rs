//! What calls print: this program itself, started with other words.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::world::forge::TOKEN;

/// How often a line is printed that others wait for.
const EACH: Duration = Duration::from_millis(20);
/// Nobody waits as long.
const MOST: Duration = Duration::from_secs(300);

/// Does what the first word says, where it is one of these.
pub(super) fn is_asked_for(what: &str, rest: &[String]) -> bool {
    match (what, rest) {
        ("tick", [stop]) => tick(Path::new(stop)),
        ("flood", [bytes, said]) => flood(bytes.parse().expect("a number"), Path::new(said)),
        _ => return false,
    }
    true
}

/// A shell's words for this program with others behind it.
pub(super) fn shell(words: &str) -> String {
    format!("exec {} {words}", std::env::current_exe().expect("our own path").display())
}

pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    u64::try_from(since.as_nanos()).expect("this century")
}

/// Prints a number and the time, again and again, until the file is there.
fn tick(stop: &Path) {
    let (began, mut out) = (Instant::now(), std::io::stdout().lock());
    for number in 0_u32.. {
        if began.elapsed() > MOST || number % 50 == 0 && stop.exists() {
            return;
        }
        writeln!(out, "tick {number} {} of what people wait for", now()).expect("a reader");
        out.flush().expect("a reader");
        std::thread::sleep((EACH * (number + 1)).saturating_sub(began.elapsed()));
    }
}

/// Prints what a build prints, so many bytes, with a secret every thousand lines; how many
/// seconds others needed to take it is in the file then.
fn flood(bytes: u64, said: &Path) {
    let mut block = Vec::new();
    for line in 0..14_000 {
        let text =
            format!("#{line} [0.{line}s] | gcc -O2 -Wall -c src/file_{line}.c -o {line}.o\n");
        block.extend_from_slice(text.as_bytes());
        if line % 1000 == 0 {
            block.extend_from_slice(format!("the token is {TOKEN}\n").as_bytes());
        }
    }
    let mut out = std::io::stdout().lock();
    let (mut left, began) = (bytes, Instant::now());
    while left > 0 {
        let some = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        out.write_all(&block[..some]).expect("a reader");
        left -= some as u64;
    }
    std::fs::write(said, began.elapsed().as_secs_f64().to_string()).expect("a file");
}

/// How long `cat` needs to take as much.
pub(super) fn to_cat(file: &Path, bytes: u64) -> Duration {
    let said = file.with_extension("took");
    let script = format!(
        "{} flood {bytes} {} | cat > {}",
        std::env::current_exe().expect("our own path").display(),
        said.display(),
        file.display(),
    );
    #[expect(clippy::disallowed_methods, reason = "this is what the agent is compared with")]
    let mut shell = Command::new("/bin/sh");
    let ended = shell.args(["-c", &script]).stdin(Stdio::null()).status().expect("a shell");
    assert!(ended.success());
    std::fs::remove_file(file).expect("the file goes away");
    let seconds = std::fs::read_to_string(said).expect("how long it took");
    Duration::from_secs_f64(seconds.trim().parse().expect("a number"))
}

//! How fast a stream is masked: `cargo bench --bench redact`.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::hint::black_box;
use std::time::Instant;

use pocketci::domain::redact::Redactor;

/// Bytes of the log that is masked.
const LOG: usize = 64 << 20;

fn main() {
    let values = values();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let begin = Instant::now();
    let redactor = Redactor::new(&values);
    println!("{} secrets made ready in {:?}", values.len(), begin.elapsed());
    let log = log(&values);
    for piece in [80, 4096, 65_536] {
        let begin = Instant::now();
        let mut stream = redactor.stream();
        for piece in log.chunks(piece) {
            black_box(stream.push(piece));
        }
        black_box(stream.finish());
        let speed = log.len() as f64 / 1e6 / begin.elapsed().as_secs_f64();
        println!("in pieces of {piece} bytes: {speed:.0} MB/s");
    }
}

/// Twenty tokens and a key of 28 lines.
fn values() -> Vec<String> {
    let digits =
        |seed: u128| format!("{:032x}", seed.wrapping_mul(0x9E37_79B9_7F4A_7C15 << 40 | 1));
    let tokens = (1..=20).map(|seed| format!("ghp_{}", digits(seed)));
    let lines: String = (21..=46).map(|seed| format!("{}\n", digits(seed).repeat(2))).collect();
    let key = format!("-----BEGIN KEY-----\n{lines}-----END KEY-----\n");
    tokens.chain([key]).collect()
}

/// What a build prints, with a secret every hundred lines.
fn log(values: &[&str]) -> Vec<u8> {
    let mut log = Vec::with_capacity(LOG + 4096);
    for line in 0.. {
        if log.len() >= LOG {
            break;
        }
        let text =
            format!("#{line} [0.{line}s] | gcc -O2 -Wall -c src/file_{line}.c -o {line}.o\n");
        log.extend_from_slice(text.as_bytes());
        if line % 100 == 0 {
            log.extend_from_slice(values[line / 100 % values.len()].as_bytes());
            log.push(b'\n');
        }
    }
    log
}

use anstyle::{AnsiColor, Style};
use insta::assert_snapshot;

use super::{Table, cell};

fn sample() -> Table {
    let mut table = Table::new(&["RUN", "WHAT", "AGE"], "WHAT");
    let red = AnsiColor::Red.on_default();
    table.row(vec![
        cell(red, "7"),
        cell(Style::new(), "Make it shorter and faster"),
        "1 min".into(),
    ]);
    table.row(vec!["1234".into(), cell(Style::new(), "a\u{1b}[2Jb\nc"), String::new()]);
    table
}

fn shown(room: Option<usize>) -> String {
    let lines: Vec<String> = sample().lines(room);
    lines.iter().map(|line| anstream::adapter::strip_str(line).to_string() + "\n").collect()
}

#[test]
fn columns_are_aligned() {
    assert_snapshot!(shown(None), @"
    RUN   WHAT                        AGE
    7     Make it shorter and faster  1 min
    1234  a [2Jb c
    ");
}

#[test]
fn one_column_gives_way() {
    assert_snapshot!(shown(Some(30)), @"
    RUN   WHAT               AGE
    7     Make it shorter …  1 min
    1234  a [2Jb c
    ");
}

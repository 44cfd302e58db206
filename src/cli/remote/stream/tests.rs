use proptest::prelude::*;

use super::{Event, Parser};

const TEXT: &str = ": hello\n\nevent: lines\nid: 12\ndata: [\"ä\"]\n\nevent:end\r\ndata: a\r\n\
                    data: b\r\n\r\n:\n\nevent: cut\ndata: x\n";

fn expected() -> Vec<Event> {
    vec![
        Event { name: "lines".into(), data: "[\"ä\"]".into(), id: Some("12".into()) },
        Event { name: "end".into(), data: "a\nb".into(), id: None },
    ]
}

proptest! {
    /// However the network cuts it, and without what has no end yet.
    #[test]
    fn pieces_do_not_matter(mut cuts in prop::collection::vec(0..TEXT.len(), 0..12)) {
        cuts.sort_unstable();
        cuts.push(TEXT.len());
        let mut parser = Parser::default();
        let (mut heard, mut from) = (Vec::new(), 0);
        for cut in cuts {
            heard.extend(parser.push(&TEXT.as_bytes()[from..cut]).unwrap());
            from = cut;
        }
        prop_assert_eq!(heard, expected());
    }
}

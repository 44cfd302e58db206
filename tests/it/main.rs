mod bodies;

#[test]
fn starts() {}

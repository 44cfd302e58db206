use super::*;

/// A tree with these links, for asking whether the first leads out.
#[track_caller]
fn check(links: &[(&str, &str)], expected: bool) {
    let mut tree = Links::default();
    links.iter().for_each(|(path, target)| tree.insert(path.as_bytes(), target.as_bytes().into()));
    assert_eq!(tree.lead_out(links[0].0.as_bytes()), expected, "{links:?}");
}

#[test]
fn a_link_that_stays_inside_is_kept() {
    check(&[("a", "b")], false);
    check(&[("a", ".")], false);
    check(&[("a/b/c", "../../x/../y")], false);
    check(&[("a/b", "..")], false);
    check(&[("a/b", "../c/d"), ("c", "e/f")], false);
    check(&[("a", ".git/config")], false);
    check(&[("a", "b//c/./")], false);
}

#[test]
fn a_link_that_leads_out_is_seen() {
    check(&[("a", "/etc")], true);
    check(&[("a", "/")], true);
    check(&[("a", "..")], true);
    check(&[("a", "../tree/b")], true);
    check(&[("a/b", "../../x")], true);
    check(&[("a", "b/../../c")], true);
    // Through another: up from where that one leads, and not from where it lies.
    check(&[("a", "x/y/../.."), ("x/y", "..")], true);
    check(&[("a", "b"), ("b", "c"), ("c", "../..")], true);
    check(&[("d/e/f/a", "../../../in/etc"), ("in", "/")], true);
}

#[test]
fn a_loop_is_no_way_in() {
    check(&[("a", "a")], true);
    check(&[("a", "b"), ("b", "a")], true);
}

/// Each of many links is a walk through many others.
#[test]
fn who_makes_us_walk_for_ever_is_taken_to_lead_out() {
    let mut tree = Links::default();
    let target = "a/../".repeat(800);
    (0..40).for_each(|number| {
        let next = format!("{target}l{}", number + 1);
        tree.insert(format!("l{number}").as_bytes(), next.as_bytes().into());
    });
    assert!(!tree.lead_out(b"l10"));
    let before = std::iter::repeat_with(|| tree.lead_out(b"l1")).take_while(|out| !out).count();
    assert!(before < 1_000, "{before} walks");
    check(&[("a", &"b/".repeat(3_000))], true);
}

/// `LINK` is `link` on some file systems, and `..` behind it leads elsewhere then.
#[test]
fn letter_case_hides_no_way_out() {
    check(&[("x", "LINK/../y"), ("link", ".")], true);
    check(&[("x", "LINK/y"), ("link", "/etc")], true);
}

#[test]
fn dotenv_is_any_name_that_may_be_it() {
    for name in [".env", ".ENV", ".Env", ".env.", ".env ", ".e\u{200c}nv", ".env:x", ".env::$DATA"]
    {
        assert!(is_dotenv(name.as_bytes()), "{name:?}");
    }
    for name in [".envrc", ".env.local", "x.env", "env", ".env2", " .env", ".environment"] {
        assert!(!is_dotenv(name.as_bytes()), "{name:?}");
    }
}

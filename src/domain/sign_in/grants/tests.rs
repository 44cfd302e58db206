use super::*;
use serde_json::json;

#[track_caller]
fn check(grants: &str, claims: Value, expected: Option<Scope>) {
    let claims = claims.as_object().unwrap();
    assert_eq!(Grants::parse(grants).unwrap().scope(claims), expected, "{grants} {claims:?}");
}

#[test]
fn what_a_provider_says_gives_rights() {
    use Scope::{Admin, Operate, Read};
    let groups = "groups:ci-operators=operate, groups:staff=read,groups:root=admin";
    check(groups, json!({"groups": ["staff"]}), Some(Read));
    check(groups, json!({"groups": ["ci-operators", "staff"]}), Some(Operate));
    check(groups, json!({"groups": ["staff", "root"]}), Some(Admin));
    check(groups, json!({"groups": "staff"}), Some(Read));
    for nothing in [json!({}), json!({"groups": []}), json!({"groups": ["Staff", "staff2"]})] {
        check(groups, nothing, None);
    }
    check("realm_access.roles:ci=read", json!({"realm_access": {"roles": ["ci"]}}), Some(Read));
    check("https://x/roles.a:ci=read", json!({"https": 1}), None);
    check("level:3=read", json!({"level": 3}), Some(Read));
    check("sub:*=read", json!({"sub": "anybody"}), Some(Read));
    check("dn:cn=ops=operate", json!({"dn": "cn=ops"}), Some(Operate));
}

#[test]
fn an_address_counts_only_when_it_is_proven() {
    let rule = "email:*@example.org=read";
    let with = |email: &str, verified: Value| json!({"email": email, "email_verified": verified});
    check(rule, with("a@example.org", json!(true)), Some(Scope::Read));
    check(rule, with("a@example.org", json!(false)), None);
    check(rule, with("a@example.org", json!("true")), None);
    check(rule, json!({"email": "a@example.org"}), None);
    for other in ["a@example.org.evil.example", "a@notexample.org", "@example.org.", "example.org"]
    {
        check(rule, with(other, json!(true)), None);
    }
}

#[test]
fn stars_stand_for_anything() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*", "a", true),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("a*b*c", "axbxc", true),
        ("a*b*c", "axcxb", false),
        ("*b*", "abc", true),
        ("abc", "abcd", false),
    ] {
        assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn what_says_nothing_is_refused() {
    for text in ["groups", "groups:ci", "groups=read", "groups:=read", ":ci=read", "g:c=write"] {
        assert_eq!(Grants::parse(text), Err(NotAGrant(text.to_owned())));
    }
    assert_eq!(Grants::parse(" ,\n").unwrap(), Grants::default());
}

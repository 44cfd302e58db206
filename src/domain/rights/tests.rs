use super::*;

const EVERYBODY: [Who; 9] = [
    Who::Anyone,
    Who::Person(Access::None),
    Who::Person(Access::Read),
    Who::Person(Access::Write),
    Who::Person(Access::Admin),
    Who::Scoped(Scope::Read),
    Who::Scoped(Scope::Operate),
    Who::Scoped(Scope::Admin),
    Who::Local,
];

/// Who of [`EVERYBODY`] may, as a row of marks.
#[track_caller]
fn check(deed: Deed, open: bool, expected: &str) {
    let marks = EVERYBODY.iter().map(|who| if may(who, deed, open) { "+" } else { "-" });
    assert_eq!(marks.collect::<Vec<_>>().join(" "), expected, "{deed:?}, open: {open}");
}

#[test]
fn rights() {
    //                               nobody none read write admin | read operate admin | local
    check(Deed::See, false, /*     */ "- - + + + + + + +");
    check(Deed::See, true, /*      */ "+ + + + + + + + +");
    check(Deed::SeeDelivery, true, /**/ "- - - + + + + + +");
    check(Deed::Act, true, /*      */ "- - - + + - + + +");
    check(Deed::Start, true, /*    */ "- - - + + - + + +");
    check(Deed::Administer, true, /**/ "- - - - - - - + +");
}

#[test]
fn scopes() {
    for scope in Scope::ALL {
        assert_eq!(scope.as_str().parse(), Ok(scope));
    }
    assert!("root".parse::<Scope>().is_err());
}

#[test]
fn what_nobody_has_said_is_open_on_ones_own_machine_alone() {
    assert_eq!(Readers::unsaid(true, false), Readers::ThisMachine);
    for (loopback, named) in [(true, true), (false, false), (false, true)] {
        assert_eq!(Readers::unsaid(loopback, named), Readers::None);
    }
    assert_eq!(Readers::named("this-machine"), None);
}

use super::*;
use crate::domain::ids::Vendor;

#[test]
fn an_attempt_is_made_from_its_secret_alone() {
    let (one, again, other) = (Attempt::of("one"), Attempt::of("one"), Attempt::of("other"));
    assert_eq!((&one.state, &one.nonce), (&again.state, &again.nonce));
    let parts = [&one.state, &one.verifier, &one.nonce, &one.challenge, &other.state];
    for (number, part) in parts.iter().enumerate() {
        assert!(!parts[..number].contains(part) && !part.contains("one"));
    }
    // RFC 7636: 43 to 128 characters, and the hash of them without padding.
    assert_eq!((one.verifier.len(), one.challenge.len()), (64, 43));
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(one.verifier.as_bytes()));
    assert_eq!(one.challenge, hash);
}

#[test]
fn acts_are_put_down_to_the_person() {
    let forge = Some(Vendor::Github.into());
    let alice = Person { forge, id: "7".into(), login: "alice".into(), scope: None };
    assert_eq!(alice.actor().to_string(), "forge:7:alice");
    let other = Person { forge: None, id: "auth0|7:x".into(), ..alice };
    assert_eq!(other.actor().to_string(), "person:auth0|7%3Ax:alice");
}

use openssl::pkey::Private;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::*;

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

fn ec() -> PKey<Private> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap()
}

fn number(number: &openssl::bn::BigNumRef) -> String {
    URL_SAFE_NO_PAD.encode(number.to_vec())
}

fn published(key: &PKey<Private>, kid: &str) -> Value {
    if let Ok(rsa) = key.rsa() {
        return json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256",
                      "n": number(rsa.n()), "e": number(rsa.e())});
    }
    let key = key.ec_key().unwrap();
    let mut context = BigNumContext::new().unwrap();
    let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
    key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).unwrap();
    let padded = |number: &BigNum| URL_SAFE_NO_PAD.encode(number.to_vec_padded(32).unwrap());
    json!({"kty": "EC", "kid": kid, "crv": "P-256", "x": padded(&x), "y": padded(&y)})
}

fn signed(key: &PKey<Private>, head: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", part(head), part(claims));
    let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
    let signature = signer.sign_oneshot_to_vec(text.as_bytes()).unwrap();
    let signature = match key.ec_key() {
        Err(_) => signature,
        Ok(_) => {
            let two = EcdsaSig::from_der(&signature).unwrap();
            let half = |number: &openssl::bn::BigNumRef| number.to_vec_padded(32).unwrap();
            [half(two.r()), half(two.s())].concat()
        }
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn keys(all: &[Value]) -> Keys {
    Keys::parse(json!({ "keys": all }).to_string().as_bytes()).unwrap()
}

#[test]
fn what_a_published_key_has_signed_counts() {
    let (one, other, third) = (rsa(2048), ec(), rsa(2048));
    let all =
        [json!({"kty": "OKP", "x": 7}), json!("?"), published(&one, "1"), published(&other, "2")];
    let keys = keys(&all);
    let claims = json!({"sub": "alice"});
    let check = |token: &str| keys.verified(token);
    let wanted = Ok(claims.as_object().unwrap().clone());
    assert_eq!(check(&signed(&one, &json!({"alg": "RS256", "kid": "1"}), &claims)), wanted);
    assert_eq!(check(&signed(&one, &json!({"alg": "RS256"}), &claims)), wanted);
    assert_eq!(check(&signed(&other, &json!({"alg": "ES256", "kid": "2"}), &claims)), wanted);

    let token = signed(&third, &json!({"alg": "RS256", "kid": "1"}), &claims);
    assert_eq!(check(&token), Err(BadToken::Signature));
    let token = signed(&one, &json!({"alg": "RS256", "kid": "9"}), &claims);
    assert_eq!(check(&token), Err(BadToken::NoKey));
    // An RSA key's signature is none of an elliptic curve.
    let token = signed(&one, &json!({"alg": "ES256", "kid": "2"}), &claims);
    assert_eq!(check(&token), Err(BadToken::Signature));
    let token = signed(&one, &json!({"alg": "RS256", "crit": ["x"]}), &claims);
    assert_eq!(check(&token), Err(BadToken::Form));
}

#[test]
fn what_nobody_has_signed_does_not() {
    let key = rsa(2048);
    let keys = keys(&[published(&key, "1")]);
    let claims = json!({"sub": "alice"});
    let good = signed(&key, &json!({"alg": "RS256", "kid": "1"}), &claims);
    let [head, _, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = format!("{head}.{}.{signature}", part(&json!({"sub": "mallory"})));
    assert_eq!(keys.verified(&other), Err(BadToken::Signature));
    for alg in ["none", "None", "HS256", "RS512", ""] {
        // The classic: the published key as a shared secret, or no signature at all.
        for end in ["", signature] {
            let token = format!("{}.{}.{end}", part(&json!({ "alg": alg })), part(&claims));
            assert_eq!(keys.verified(&token), Err(BadToken::Algorithm(alg.to_owned())));
        }
    }
    for text in ["", ".", "..", "a.b.c", "a.b", &format!("{good}="), &format!("x.{good}")] {
        assert!(keys.verified(text).is_err(), "{text}");
    }
    let cut = &good[..good.len() - 4];
    assert!(keys.verified(cut).is_err());
    // Without the signature's two numbers a curve's is nothing.
    let curve = ec();
    let keys =
        Keys::parse(json!({"keys": [published(&curve, "2")]}).to_string().as_bytes()).unwrap();
    for length in [0, 63, 65] {
        let zeros = URL_SAFE_NO_PAD.encode(vec![0; length]);
        let token = format!("{}.{}.{zeros}", part(&json!({"alg": "ES256"})), part(&claims));
        assert_eq!(keys.verified(&token), Err(BadToken::Signature));
    }
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    let token = format!("{}.{}.{zeros}", part(&json!({"alg": "ES256"})), part(&claims));
    assert_eq!(keys.verified(&token), Err(BadToken::Signature));
}

#[test]
fn keys_that_are_weak_or_for_something_else_are_left_out() {
    let claims = json!({"sub": "alice"});
    let weak = rsa(1024);
    let token = signed(&weak, &json!({"alg": "RS256"}), &claims);
    assert_eq!(keys(&[published(&weak, "1")]).verified(&token), Err(BadToken::NoKey));
    let key = rsa(2048);
    let token = signed(&key, &json!({"alg": "RS256"}), &claims);
    for (name, value) in [("use", "enc"), ("alg", "RS512"), ("kty", "EC")] {
        let mut one = published(&key, "1");
        one[name] = json!(value);
        assert_eq!(keys(&[one]).verified(&token), Err(BadToken::NoKey), "{name}");
    }
    let curve = ec();
    let token = signed(&curve, &json!({"alg": "ES256"}), &claims);
    // A point that is on no curve.
    let mut off = published(&curve, "1");
    off["y"] = off["x"].clone();
    assert_eq!(keys(&[off]).verified(&token), Err(BadToken::NoKey));
    assert!(Keys::parse(b"{}").is_none() && Keys::parse(b"").is_none());
}

//! `event`: a body on standard input.

use super::*;

#[test]
fn an_event_trigger_is_made_of_a_body() {
    let shell = Shell::new();
    let trigger =
        shell.run_with(&["event", "--event", "pull_request"], &pull_request("edited"), &[]);
    let trigger = trigger.status(0).json();
    assert_eq!(trigger["event_type"], "pull_request");
    assert_eq!(trigger["filter"], "edited");
    assert_eq!(trigger["pull_request"]["head"]["ref"], "feature");
    assert_eq!(trigger["payload"]["number"], 7);
    let last = trigger.as_object().unwrap().keys().next_back().unwrap();
    assert_eq!(last, "payload");
    let trigger = shell.run_with(&["event", "--event=push"], &deletion(), &[]).status(0).json();
    assert_eq!(trigger["deleted"], true);
    let trigger = shell.run_with(&["event", "--event=star"], &deletion(), &[]).status(0).json();
    assert_eq!(trigger["event_type"], "star");
}

#[test]
fn headers_say_what_the_body_does_not() {
    let shell = Shell::new();
    let headers = json!({
        "x-github-event": ["push"], "X-GitHub-Delivery": "d-1", "Content-Length": 3,
        "content-type": "application/x-www-form-urlencoded",
    });
    shell.write("headers.json", headers.to_string());
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("payload", std::str::from_utf8(&deletion()).unwrap());
    let arguments = ["event", "--headers=headers.json"];
    let trigger = shell.run_with(&arguments, form.finish().as_bytes(), &[]).status(0).json();
    assert_eq!(trigger["delivery_id"], "d-1");
    assert_eq!(trigger["branch"], "feature");
    shell.write("headers.json", "[]");
    shell.run_with(&arguments, b"{}", &[]).status(2).complains("headers.json");
}

#[test]
fn what_is_no_webhook_ends_with_2() {
    let shell = Shell::new();
    let run = |arguments: &[&str], body: &[u8]| {
        shell.run_with(&[&["event"], arguments].concat(), body, &[]).status(2)
    };
    run(&[], b"{}").complains("--event NAME");
    run(&["--event=push"], b"").complains("empty");
    run(&["--event=push"], b"hello").complains("not JSON");
    run(&["--event=push"], b"{}").complains("`ref`");
    run(&["--event=pull_request"], b"{\"action\": \"opened\"}").complains("`number`");
    run(&["--event=Push Hook", "--vendor=gitlab"], b"{}").complains("`ref`");
    run(&["--event=push", "--vendor=gitlab"], b"{}").status(2);
    run(&["--event=push", "--vendor=x"], b"{}").complains("not a forge");
}

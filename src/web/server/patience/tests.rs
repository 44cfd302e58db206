use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::Patient;

const LIMIT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_peer_who_does_not_read_is_given_up() {
    let (ours, _theirs) = duplex(8);
    let error = Patient::new(ours, LIMIT).write_all(&[0; 100]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_peer_who_reads_slowly_is_served() {
    let (ours, mut theirs) = duplex(8);
    let reader = tokio::spawn(async move {
        let mut heard = Vec::new();
        theirs.read_to_end(&mut heard).await.unwrap();
        heard
    });
    let mut patient = Patient::new(ours, Duration::from_secs(30));
    patient.write_all(&[7; 1000]).await.unwrap();
    drop(patient.into_inner());
    assert_eq!(reader.await.unwrap(), [7; 1000]);
}

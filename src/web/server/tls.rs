//! TLS of our own, for an agent without a proxy: a certificate and its key from two files, looked
//! at again and again, since whoever renews them tells nobody.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use openssl::asn1::Asn1Time;
use openssl::pkey::PKey;
use openssl::ssl::{
    AlpnError, Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslVersion,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use zeroize::Zeroizing;

use crate::health::{Condition, Health};

/// The name of the condition.
const CONDITION: &str = "tls";
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// What a TLS connection begins with.
const HANDSHAKE: u8 = 0x16;
/// Said to whoever speaks plain HTTP here.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 45\r\nConnection: close\r\n\r\nThis port speaks HTTPS: use https:// instead\n";

/// A certificate that is served, and where the next one will be.
#[derive(Debug)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<SslContext>,
}

/// What changes when a file does, also when it is another file of the same time.
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// When they cannot be read, hold something else, or do not belong together.
    pub fn load(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let (context, _) = context(certificate, key)?;
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(context),
        })
    }

    /// Until when the certificate in a file is valid, as OpenSSL writes it, and whether that is
    /// less than `days` from now.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub fn validity(certificate: &Path, key: &Path, days: u32) -> anyhow::Result<(String, bool)> {
        let (context, until) = context(certificate, key)?;
        let limit = Asn1Time::days_from_now(days)?;
        let near = context.certificate().is_some_and(|found| found.not_after() < limit);
        Ok((until, near))
    }

    /// Takes up new files until `shutdown`; a broken one is told of, and the old one stays.
    pub(in crate::web) async fn watch(&self, health: &Health, shutdown: CancellationToken) {
        let mut seen = self.stamp();
        self.say(health, Ok(None));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(LOOK) => {}
            }
            let stamp = self.stamp();
            if stamp == seen {
                continue;
            }
            seen = stamp;
            let loaded = context(&self.certificate, &self.key);
            let told = loaded.map(|(context, until)| {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = context;
                Some(until)
            });
            self.say(health, told);
        }
    }

    fn say(&self, health: &Health, told: anyhow::Result<Option<String>>) {
        let (ok, detail) = match told {
            Ok(None) => (true, format!("certificate of `{}`", self.certificate.display())),
            Ok(Some(until)) => {
                info!(until, "Took up a new certificate");
                (true, format!("certificate of `{}` until {until}", self.certificate.display()))
            }
            Err(error) => {
                error!("{error:#}; the certificate from before is served on");
                (false, format!("{error:#}; the certificate from before is served on"))
            }
        };
        health.set(CONDITION, Condition::new(ok, detail, Timestamp::now()));
    }

    fn stamp(&self) -> Stamp {
        let of = |found: Metadata| (found.ino(), found.size(), found.mtime(), found.mtime_nsec());
        [&self.certificate, &self.key].map(|path| std::fs::metadata(path).ok().map(of))
    }

    /// A connection after its handshake; who speaks plain HTTP is told so.
    ///
    /// # Errors
    /// When there is no handshake.
    pub(super) async fn accept(
        self: Arc<Self>,
        mut stream: TcpStream,
    ) -> std::io::Result<SslStream<TcpStream>> {
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first[0] != HANDSHAKE {
            if first[0].is_ascii_uppercase() {
                stream.write_all(PLAIN).await?;
                stream.shutdown().await?;
                let mut rest = [0; 1024];
                while tokio::io::AsyncReadExt::read(&mut stream, &mut rest).await? > 0 {}
            }
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let ssl = Ssl::new(&self.current.read().unwrap_or_else(PoisonError::into_inner))?;
        let mut stream = SslStream::new(ssl, stream)?;
        Pin::new(&mut stream).accept().await.map_err(std::io::Error::other)?;
        Ok(stream)
    }
}

/// What the files make, with the end of the certificate's time.
fn context(certificate: &Path, key: &Path) -> anyhow::Result<(SslContext, String)> {
    // OpenSSL's own words for a missing file are riddles.
    for path in [certificate, key] {
        std::fs::File::open(path)
            .with_context(|| format!("Cannot read `{}` for TLS", path.display()))?;
    }
    let mut builder = SslContextBuilder::new(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_options(
        SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_COMPRESSION
            | SslOptions::CIPHER_SERVER_PREFERENCE,
    );
    // Buffers of 32 KiB would else stay with each silent connection.
    builder.set_mode(SslMode::RELEASE_BUFFERS);
    builder.set_cipher_list("ECDHE+AESGCM:ECDHE+CHACHA20")?;
    builder.set_alpn_select_callback(|_, offered| {
        openssl::ssl::select_next_proto(b"\x08http/1.1", offered).ok_or(AlpnError::ALERT_FATAL)
    });
    let named = |what: &str, path: &Path| {
        format!("`{}` holds no {what} in PEM form that OpenSSL can read", path.display())
    };
    builder
        .set_certificate_chain_file(certificate)
        .with_context(|| named("certificate", certificate))?;
    let pem = Zeroizing::new(std::fs::read(key)?);
    let private = PKey::private_key_from_pem(&pem).with_context(|| named("key", key))?;
    builder.set_private_key(&private).with_context(|| {
        format!("`{}` is not the key of `{}`", key.display(), certificate.display())
    })?;
    let context = builder.build();
    let until = context.certificate().map(|found| found.not_after().to_string());
    Ok((context, until.unwrap_or_default()))
}

#[cfg(test)]
mod tests;

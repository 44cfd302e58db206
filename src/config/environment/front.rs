//! What is in front of the pages: TLS, proxies, and who may read them.

use std::ffi::OsString;
use std::path::PathBuf;

use super::super::TlsFiles;
use super::Environment;
use crate::domain::network::Proxies;
use crate::domain::rights::Readers;

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    pub(super) fn tls(&mut self) -> Option<TlsFiles> {
        let path = |name| self.raw(name).map(PathBuf::from);
        match (path("POCKETCI_TLS_CERT"), path("POCKETCI_TLS_KEY")) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (certificate, _) => {
                let (there, missing) = match certificate {
                    Some(_) => ("POCKETCI_TLS_CERT", "POCKETCI_TLS_KEY"),
                    None => ("POCKETCI_TLS_KEY", "POCKETCI_TLS_CERT"),
                };
                let text = format!("{there} is set and {missing} is not: TLS takes both files");
                self.wrong.push(text);
                None
            }
        }
    }

    pub(super) fn public_runs(&mut self) -> Option<Readers> {
        let text = self.text("POCKETCI_PUBLIC_RUNS")?;
        let readers = Readers::named(&text);
        if readers.is_none() {
            self.wrong("POCKETCI_PUBLIC_RUNS", &text, "`none`, `public` or `all`");
        }
        readers
    }

    pub(super) fn proxies(&mut self) -> Proxies {
        let Some(text) = self.text("POCKETCI_TRUSTED_PROXIES") else { return Proxies::default() };
        Proxies::parse(&text).unwrap_or_else(|error| {
            self.wrong.push(format!("POCKETCI_TRUSTED_PROXIES: {error}"));
            Proxies::default()
        })
    }
}

//! Addresses on the way to us: which count as one sender, and which are proxies that are believed.
//!
//! Addresses are values here; nothing is looked up and no socket is known.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who limits count for: an IPv4 address, or the /64 of an IPv6 address, which is what one
/// customer has at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sender(IpAddr);

impl Sender {
    /// An IPv4 address in IPv6's clothes is the IPv4 address.
    pub fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self(mask(IpAddr::V6(v6), 64)),
            v4 => Self(v4),
        }
    }

    /// The network that a forge's senders share, a /24 or a /48: who proved to be the forge has
    /// proven it for the neighbours too.
    pub fn neighbourhood(self) -> Self {
        Self(mask(self.0, if self.0.is_ipv4() { 24 } else { 48 }))
    }

    /// Whether it is an address of the own machine or network: probably a proxy's, behind which
    /// is the whole world.
    pub fn is_local(self) -> bool {
        match self.0 {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
            IpAddr::V6(v6) => {
                let first = v6.segments()[0];
                // ::1 masked is ::, and nothing is sent from there otherwise.
                v6.is_unspecified() || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
            }
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<(IpAddr, u8)>);

/// A word that is no address and no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither an address nor a network: list the proxies in front of the agent like \
     `10.0.0.5` or `10.0.0.0/8`, with commas between"
)]
pub struct BadNetwork(pub String);

impl Proxies {
    /// Reads addresses and networks with commas or white space between.
    ///
    /// # Errors
    /// The first word that is neither.
    pub fn parse(text: &str) -> Result<Self, BadNetwork> {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        let networks = words.filter(|word| !word.is_empty()).map(network);
        networks.collect::<Result<_, _>>().map(Self)
    }

    fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let inside = |(network, bits): &(IpAddr, u8)| {
            network.is_ipv4() == address.is_ipv4() && mask(address, *bits) == *network
        };
        self.0.iter().any(inside)
    }

    /// The address that a request comes from: the connection's, or the nearest one in
    /// `X-Forwarded-For` that is no trusted proxy. Whatever stands further away in there was
    /// written by whoever sent it.
    pub fn sender<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> IpAddr {
        let mut sender = peer;
        for word in forwarded.rev().flat_map(|value| value.rsplit(',')) {
            if !self.trust(sender) {
                break;
            }
            match hop(word.trim()) {
                Some(address) => sender = address,
                None => break,
            }
        }
        sender
    }
}

/// An address as proxies write it, some with a port behind it.
fn hop(word: &str) -> Option<IpAddr> {
    let socket = || word.parse::<core::net::SocketAddr>().ok().map(|socket| socket.ip());
    let bracketed = || word.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    word.parse().ok().or_else(socket).or_else(bracketed)
}

fn network(word: &str) -> Result<(IpAddr, u8), BadNetwork> {
    let wrong = || BadNetwork(word.chars().take(60).collect());
    let (address, bits) = match word.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
        None => (word, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    if bits > most {
        return Err(wrong());
    }
    Ok((mask(address, bits), bits))
}

/// The address with all but its first bits zero.
fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests;

//! A pack of whole objects, filled by several threads at once.
//!
//! Libgit2's own pack builder spends its time on deltas, which a checkout of a few commits, used
//! once and thrown away, has no use for.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};

/// Objects up to this many bytes are stored as they are: compressing them would cost more time
/// than it saves space.
const STORED: usize = 1024;

/// Bytes that a thread gathers before it gives them to the pack.
const BATCH: usize = 256 * 1024;

/// Where an object is.
#[derive(Debug)]
struct Place {
    id: Oid,
    crc: u32,
    /// In a batch from the batch's begin, in the pack from the pack's.
    offset: u64,
}

/// A pack that is being written.
pub(super) struct Pack {
    file: BufWriter<File>,
    checksum: Sha1,
    length: u64,
    places: Vec<Place>,
}

impl Pack {
    /// Begins a pack of so many objects in a file that must not exist.
    pub(super) fn create(file: &Path, objects: usize) -> io::Result<Self> {
        let count = u32::try_from(objects).map_err(io::Error::other)?;
        let file = BufWriter::with_capacity(BATCH, File::create_new(file)?);
        let places = Vec::with_capacity(objects);
        let mut pack = Self { file, checksum: Sha1::new(), length: 0, places };
        pack.write(b"PACK")?;
        pack.write(&2_u32.to_be_bytes())?;
        pack.write(&count.to_be_bytes())?;
        Ok(pack)
    }

    /// Takes over what a thread has gathered, which is empty afterwards.
    pub(super) fn append(&mut self, batch: &mut Batch) -> io::Result<()> {
        let begin = self.length;
        self.write(&batch.bytes)?;
        batch.bytes.clear();
        let places = batch.places.drain(..);
        self.places.extend(places.map(|place| Place { offset: begin + place.offset, ..place }));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        self.checksum.update(bytes);
        self.file.write_all(bytes)
    }

    /// Ends the pack, writes its index beside it and gives both their name in `folder`; returns
    /// the index's.
    pub(super) fn finish(mut self, file: &Path, folder: &Path) -> io::Result<PathBuf> {
        let checksum: [u8; 20] = self.checksum.clone().finalize().into();
        self.file.write_all(&checksum)?;
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.places.sort_unstable_by_key(|place| place.id);
        let name = format!("pack-{}", hex::encode(checksum));
        // The index last: a pack counts from when it has one.
        fs::rename(file, folder.join(format!("{name}.pack")))?;
        fs::write(file, index(&self.places, &checksum)?)?;
        let index = folder.join(format!("{name}.idx"));
        fs::rename(file, &index)?;
        Ok(index)
    }
}

/// A pack's index, version 2, of places in the order of their ids.
fn index(places: &[Place], pack: &[u8; 20]) -> io::Result<Vec<u8>> {
    let count =
        |number: usize| u32::try_from(number).map(u32::to_be_bytes).map_err(io::Error::other);
    let mut bytes = Vec::with_capacity(1100 + places.len() * 28);
    bytes.extend_from_slice(b"\xfftOc");
    bytes.extend_from_slice(&2_u32.to_be_bytes());
    for first in 0..=u8::MAX {
        let upto = places.partition_point(|place| place.id.as_bytes()[0] <= first);
        bytes.extend_from_slice(&count(upto)?);
    }
    for place in places {
        bytes.extend_from_slice(place.id.as_bytes());
    }
    for place in places {
        bytes.extend_from_slice(&place.crc.to_be_bytes());
    }
    // An offset that does not fit into 31 bits goes to a table of its own.
    let mut far = Vec::new();
    for place in places {
        let near = u32::try_from(place.offset).ok().filter(|offset| offset >> 31 == 0);
        let offset = match near {
            Some(offset) => offset.to_be_bytes(),
            None => {
                far.push(place.offset);
                count((1 << 31) | (far.len() - 1))?
            }
        };
        bytes.extend_from_slice(&offset);
    }
    for offset in far {
        bytes.extend_from_slice(&offset.to_be_bytes());
    }
    bytes.extend_from_slice(pack);
    let checksum = Sha1::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    Ok(bytes)
}

/// What one thread has gathered for the pack.
pub(super) struct Batch {
    bytes: Vec<u8>,
    places: Vec<Place>,
    compress: Compress,
}

impl Batch {
    pub(super) fn new() -> Self {
        // Level 1: the pack is read once, or never.
        let compress = Compress::new(Compression::fast(), true);
        Self { bytes: Vec::with_capacity(BATCH * 2), places: Vec::new(), compress }
    }

    /// Whether it is time to give it to the pack.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH
    }

    /// Adds an object.
    pub(super) fn add(&mut self, id: Oid, kind: ObjectType, data: &[u8]) -> io::Result<()> {
        let start = self.bytes.len();
        head(&mut self.bytes, kind, data.len())?;
        if data.len() <= STORED {
            store(&mut self.bytes, data);
        } else {
            self.deflate(data)?;
        }
        let mut crc = Crc::new();
        crc.update(&self.bytes[start..]);
        self.places.push(Place { id, crc: crc.sum(), offset: start as u64 });
        Ok(())
    }

    fn deflate(&mut self, data: &[u8]) -> io::Result<()> {
        self.compress.reset();
        loop {
            let read = usize::try_from(self.compress.total_in()).map_err(io::Error::other)?;
            let rest = &data[read..];
            self.bytes.reserve(rest.len() / 2 + 128);
            let status = self
                .compress
                .compress_vec(rest, &mut self.bytes, FlushCompress::Finish)
                .map_err(io::Error::other)?;
            if status == Status::StreamEnd {
                return Ok(());
            }
        }
    }
}

/// The head of an entry: three bits of type, and the size, four bits and then seven at a time.
fn head(bytes: &mut Vec<u8>, kind: ObjectType, size: usize) -> io::Result<()> {
    let kind = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Blob => 3,
        ObjectType::Tag => 4,
        ObjectType::Any => return Err(io::Error::other("an object without a type")),
    };
    let low = |size: usize, bits: u32| (size & ((1 << bits) - 1)) as u8;
    let more = |size: usize| if size > 0 { 0x80 } else { 0 };
    let mut rest = size >> 4;
    bytes.push(more(rest) | (kind << 4) | low(size, 4));
    while rest > 0 {
        let byte = low(rest, 7);
        rest >>= 7;
        bytes.push(more(rest) | byte);
    }
    Ok(())
}

/// A zlib stream of one stored block, for data of at most 65,535 bytes.
fn store(bytes: &mut Vec<u8>, data: &[u8]) {
    let length = data.len() as u16;
    bytes.extend_from_slice(&[0x78, 0x01, 1]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&(!length).to_le_bytes());
    bytes.extend_from_slice(data);
    // Adler-32; the sums of so few bytes do not overflow.
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a += u32::from(*byte);
        b += a;
    }
    bytes.extend_from_slice(&(((b % 65_521) << 16) | (a % 65_521)).to_be_bytes());
}

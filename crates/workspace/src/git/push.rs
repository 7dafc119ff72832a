use super::GitError;
use super::connection::Remote;
use super::report::{self, Report};
use super::tag::{Object, Pushed};
use gix::ObjectId;
use gix::progress::Discard;
use gix::protocol::Handshake;
use gix::protocol::transport::client::blocking_io::connect::{self, connect};
use gix::protocol::transport::client::blocking_io::{ExtendedBufRead, Transport};
use gix::protocol::transport::client::{MessageKind, WriteMode};
use gix::protocol::transport::packetline::blocking_io::encode;
use gix::protocol::transport::{Protocol, Service};
use std::any::Any;
use std::cell::RefCell;
use std::io::Read;
use std::ops::ControlFlow;
use std::rc::Rc;

/// A report of one reference has two lines.
const REPORT_BYTES: u64 = 64 * 1024;
/// Of what the server says to people beside the report.
const SAID_BYTES: usize = 2_000;
const SIDE_BANDS: &str = "side-band-64k";

/// `git receive-pack` at the other end, after it has told what it has.
struct Receiver<'a> {
    remote: &'a Remote,
    transport: Box<dyn Transport + Send>,
    handshake: Handshake,
}

impl Remote {
    /// Creates the tag if there is none of its name.
    pub(super) fn push(&self, tag: &Object) -> Result<Pushed, GitError> {
        let mut receiver = self.receiver()?;
        if let Some(there) = receiver.tag(tag) {
            return self.compared(tag, there);
        }
        let Some(reason) = receiver.create(tag)? else {
            return Ok(Pushed::New);
        };
        // It may be refused because somebody, or an earlier try of ours, was first.
        match self.receiver()?.tag(tag) {
            Some(there) => self.compared(tag, there),
            None => Err(GitError::TagRefused {
                url: self.url.clone(),
                tag: tag.name.clone(),
                reason,
            }),
        }
    }

    /// `git receive-pack` tells a tag's own id and not its commit, so a different one is looked
    /// up once more as a reader.
    fn compared(&self, tag: &Object, there: ObjectId) -> Result<Pushed, GitError> {
        if there == tag.id {
            return Ok(Pushed::AlreadyThere);
        }
        let commit = self.refs()?.tags.get(&tag.name).cloned();
        Ok(Pushed::Different {
            at: commit.unwrap_or_else(|| there.to_string()),
        })
    }

    fn receiver(&self) -> Result<Receiver<'_>, GitError> {
        let mut transport = self.transport().map_err(|error| self.failed(&error))?;
        let handshake = gix::protocol::handshake(
            &mut transport,
            Service::ReceivePack,
            |_| Ok(None),
            Vec::new(),
            &mut Discard,
        )
        .map_err(|error| self.not_taken(&error))?;
        Ok(Receiver {
            remote: self,
            transport,
            handshake,
        })
    }

    fn transport(&self) -> gix::Result<Box<dyn Transport + Send>> {
        // There is no version 2 of this service; asking for version 1 asks for nothing at all.
        let options = connect::Options {
            version: Protocol::V1,
            ..connect::Options::default()
        };
        let mut transport = connect(self.url.as_str(), options)?;
        let options: Box<dyn Any> = self.transport_options();
        transport.configure(&*options)?;
        Ok(transport)
    }

    /// Who is known and may not write gets 403; nobody at all may write without a name.
    fn not_taken(&self, error: &gix::Error) -> GitError {
        let nobody = error.is_unauthenticated() && !self.has_credentials();
        if nobody || error.is_permission_denied() {
            return GitError::ReadOnly {
                url: self.url.clone(),
            };
        }
        self.failed(error)
    }
}

impl Receiver<'_> {
    /// The object that the tag's name stands for at the server.
    fn tag(&self, tag: &Object) -> Option<ObjectId> {
        let reference = tag.reference();
        let refs = self.handshake.refs.as_deref().unwrap_or_default();
        refs.iter().find_map(|found| {
            let (name, target, _) = found.unpack();
            (*name == reference.as_str()).then_some(target?.to_owned())
        })
    }

    /// Sends the tag. `Some` is why it was refused.
    fn create(&mut self, tag: &Object) -> Result<Option<String>, GitError> {
        let with_bands = self.handshake.capabilities.contains(SIDE_BANDS);
        let body = request(tag, with_bands)?;
        let remote = self.remote;
        let (data, said) = self
            .exchange(&body, with_bands)
            .map_err(|error| remote.not_taken(&error))?;
        let text = match with_bands {
            true => report::unwrapped(&data),
            false => String::from_utf8_lossy(&data).into_owned(),
        };
        match report::of(&text, &tag.reference()) {
            Report::Stored => Ok(None),
            Report::Refused(reason) => Ok(Some(with_what_was_said(reason, &said))),
            // Whether it is there shows the next time.
            Report::Unclear => Err(GitError::Conversation {
                url: remote.url.clone(),
                reason: "it did not say what became of the tag".into(),
                transient: true,
            }),
        }
    }

    /// The report's bytes, and what the server says to people.
    fn exchange(&mut self, body: &[u8], with_bands: bool) -> gix::Result<(Vec<u8>, Vec<u8>)> {
        let said = Rc::new(RefCell::new(Vec::new()));
        let mut data = Vec::new();
        // In this mode the body is sent whole, with its length, as every server takes it.
        let mode = WriteMode::OneLfTerminatedLinePerWriteCall;
        let request = self
            .transport
            .request(mode, MessageKind::Flush, false)
            .map_err(gix::Error::from_error)?;
        let (mut writer, mut reader) = request.into_parts();
        writer.write_all(body).map_err(gix::Error::from_error)?;
        // The answer comes after the end of the request.
        drop(writer);
        if with_bands {
            let heard = Rc::clone(&said);
            reader.set_progress_handler(Some(Box::new(move |_, text| hear(&heard, text))));
        }
        let read = reader.by_ref().take(REPORT_BYTES).read_to_end(&mut data);
        drop(reader);
        read.map_err(gix::Error::from_error)?;
        Ok((data, said.take()))
    }
}

fn hear(heard: &RefCell<Vec<u8>>, text: &[u8]) -> ControlFlow<()> {
    let mut heard = heard.borrow_mut();
    let room = SAID_BYTES.saturating_sub(heard.len());
    heard.extend(text.iter().take(room));
    heard.push(b' ');
    ControlFlow::Continue(())
}

/// One command, `create`, and the pack with the tag
/// (<https://git-scm.com/docs/gitprotocol-pack#_pushing_data_to_a_server>).
fn request(tag: &Object, with_bands: bool) -> Result<Vec<u8>, GitError> {
    let nothing = ObjectId::null(gix::hash::Kind::Sha1);
    let capabilities: &[&str] = match with_bands {
        true => &["report-status", SIDE_BANDS, "agent=cutover"],
        false => &["report-status", "agent=cutover"],
    };
    let (id, reference) = (tag.id, tag.reference());
    let command = format!("{nothing} {id} {reference}\0{}", capabilities.join(" "));
    let mut body = Vec::new();
    encode::data_to_write(command.as_bytes(), &mut body).map_err(GitError::scratch)?;
    encode::flush_to_write(&mut body).map_err(GitError::scratch)?;
    body.extend(tag.pack()?);
    Ok(body)
}

fn with_what_was_said(reason: String, said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let words: Vec<&str> = said.split_whitespace().collect();
    match words.is_empty() {
        true => reason,
        false => format!("{reason} ({})", words.join(" ")),
    }
}

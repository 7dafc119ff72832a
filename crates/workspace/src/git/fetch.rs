use super::connection::Remote;
use super::error::{GitError, chain};
use super::refs::Refs;
use gix::ObjectId;
use gix::progress::Discard;
use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::remote::fetch::{Shallow, Tags};
use gix::remote::{Connection, Direction, ref_map};
use std::num::NonZeroU32;

const ADVERTISED: [&str; 3] = [
    "HEAD",
    "+refs/heads/*:refs/heads/*",
    "+refs/tags/*:refs/tags/*",
];

type AnyTransport = Box<dyn Transport + Send>;

impl Remote {
    pub(super) fn refs(&self) -> Result<Refs, GitError> {
        let remote = self.remote(&ADVERTISED)?;
        let connection = self.connect(&remote)?;
        let (map, _) = connection
            .ref_map(Discard, ref_map::Options::default())
            .map_err(|error| self.failed(&error))?;
        Ok(Refs::advertised(&map.remote_refs))
    }

    /// Brings `commit` here, with its tree and without its history. Protocol version 2 lets a
    /// client ask for any commit; a server that refuses gets asked for all branches and tags.
    pub(super) fn fetch(&self, commit: ObjectId) -> Result<(), GitError> {
        let depth = Shallow::DepthAtRemote(NonZeroU32::MIN);
        match self.receive(&[&commit.to_string()], depth) {
            Ok(()) if self.here.has_object(commit) => return self.is_commit(commit),
            Ok(()) => return Err(self.no_such(commit)),
            Err(error) => self.may_have_it_all_the_same(commit, &error)?,
        }
        tracing::info!(url = self.url, %commit, "the server does not give single commits: fetching all branches and tags");
        self.receive(&ADVERTISED, Shallow::NoChange)
            .map_err(|error| self.failed(&error))?;
        match self.here.has_object(commit) {
            true => self.is_commit(commit),
            false => Err(self.no_such(commit)),
        }
    }

    fn receive(&self, specs: &[&str], shallow: Shallow) -> gix::Result<()> {
        let remote = self.specified(specs)?;
        let connection = remote.connect(Direction::Fetch)?;
        self.configured(connection)
            .prepare_fetch(Discard, ref_map::Options::default())?
            .with_shallow(shallow)
            .receive(Discard, self.stop())
            .map(drop)
    }

    /// Whether it is worth to look for the commit behind all branches and tags, after the
    /// server has not given it: an error if not.
    fn may_have_it_all_the_same(
        &self,
        commit: ObjectId,
        refusal: &gix::Error,
    ) -> Result<(), GitError> {
        let failed = self.failed(refusal);
        let said_no = matches!(
            failed,
            GitError::Conversation {
                transient: false,
                ..
            }
        );
        if !said_no {
            return Err(failed);
        }
        let said = chain(refusal);
        match self.version()? {
            // git refuses under version 2 only what it does not have.
            Protocol::V2 if said.contains("not our ref") => Err(self.no_such(commit)),
            // Others (JGit) keep to the rules of before.
            Protocol::V2 if said.contains("not valid") || said.contains("unadvertised") => Ok(()),
            Protocol::V2 => Err(failed),
            // The refusal may come where gix expects a pack and cannot be told from nonsense.
            Protocol::V0 | Protocol::V1 => Ok(()),
        }
    }

    fn version(&self) -> Result<Protocol, GitError> {
        let remote = self.remote(&["HEAD"])?;
        let connection = self.connect(&remote)?;
        let (_, handshake) = connection
            .ref_map(Discard, ref_map::Options::default())
            .map_err(|error| self.failed(&error))?;
        Ok(handshake.server_protocol_version)
    }

    fn remote(&self, specs: &[&str]) -> Result<gix::Remote<'_>, GitError> {
        self.specified(specs)
            .map_err(|error| GitError::scratch(chain(&error)))
    }

    fn specified(&self, specs: &[&str]) -> gix::Result<gix::Remote<'_>> {
        self.here
            .remote_at_without_url_rewrite(self.url.as_str())?
            .with_fetch_tags(Tags::None)
            .with_refspecs(specs.iter().copied(), Direction::Fetch)
    }

    fn connect<'a, 'repo>(
        &self,
        remote: &'a gix::Remote<'repo>,
    ) -> Result<Connection<'a, 'static, 'repo, AnyTransport>, GitError> {
        let connection = remote
            .connect(Direction::Fetch)
            .map_err(|error| self.failed(&error))?;
        Ok(self.configured(connection))
    }

    fn configured<'a, 'repo>(
        &self,
        connection: Connection<'a, 'static, 'repo, AnyTransport>,
    ) -> Connection<'a, 'static, 'repo, AnyTransport> {
        connection
            .with_transport_options(self.transport_options())
            // Without this gix would look for helpers to run and a terminal to ask on.
            .with_credentials(|_| Ok(None))
    }

    /// The object's name is the hash of its content; it is computed once more here, so that the
    /// proof does not rest on the pack's index.
    fn is_commit(&self, id: ObjectId) -> Result<(), GitError> {
        let incomplete = |reason| GitError::Incomplete { reason };
        let object = self
            .here
            .find_object(id)
            .map_err(|error| incomplete(chain(&error)))?;
        let computed = gix::objs::compute_hash(gix::hash::Kind::Sha1, object.kind, &object.data)
            .map_err(|error| incomplete(error.to_string()))?;
        if computed != id {
            return Err(incomplete(format!("{id} has the hash {computed}")));
        }
        match object.kind {
            gix::objs::Kind::Commit => Ok(()),
            kind => Err(GitError::NotACommit {
                url: self.url.clone(),
                id: id.to_string(),
                kind: kind.to_string(),
            }),
        }
    }

    fn no_such(&self, commit: ObjectId) -> GitError {
        GitError::NoSuchCommit {
            url: self.url.clone(),
            commit: commit.to_string(),
        }
    }
}

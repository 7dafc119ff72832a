use super::{Bounds, GitError, Origin, address};
use gix::protocol::transport::client::blocking_io::http;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server that does not take the connection within this is down.
const CONNECT: Duration = Duration::from_secs(10);
/// How often the size of what has come is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// gix's tables of what is in a pack: 256 MiB are enough for millions of objects.
const ALLOCATION: u64 = 256 << 20;

/// A repository elsewhere, with an empty one here to fetch into.
pub(super) struct Remote {
    pub(super) url: String,
    pub(super) here: gix::Repository,
    pub(super) bounds: Bounds,
    address: Url,
    authorization: Option<HeaderValue>,
    ends: Instant,
    stop: Arc<AtomicBool>,
}

/// An origin whose address was checked.
#[derive(Clone)]
struct Asked {
    address: Url,
    authorization: Option<HeaderValue>,
}

/// Runs `work` on a thread of its own, because a blocking read cannot be interrupted: at the
/// deadline the caller goes on, and the thread ends at its next step.
pub(super) fn with_repository<R: Send + 'static>(
    origin: &Origin,
    bounds: &Bounds,
    work: impl FnOnce(&Remote) -> Result<R, GitError> + Send + 'static,
) -> Result<R, GitError> {
    let asked = Asked {
        address: address::checked(&origin.url)?,
        authorization: origin.authorization(),
    };
    let scratch = tempfile::tempdir().map_err(GitError::scratch)?;
    let folder = scratch.path().to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let (bounds, flag) = (*bounds, stop.clone());
    let watch = Watch {
        url: asked.address.to_string(),
        bounds,
        folder,
        stop,
    };
    let (report, result) = mpsc::channel();
    std::thread::spawn(move || {
        let done =
            Remote::open(asked, scratch.path(), bounds, flag).and_then(|remote| work(&remote));
        drop(scratch);
        // Nobody listens any more after the deadline.
        report.send(done).ok();
    });
    watch.until_done(&result)
}

struct Watch {
    url: String,
    bounds: Bounds,
    folder: PathBuf,
    stop: Arc<AtomicBool>,
}

impl Watch {
    fn until_done<R>(self, result: &mpsc::Receiver<Result<R, GitError>>) -> Result<R, GitError> {
        let started = Instant::now();
        let most = self.bounds.limits.bytes;
        loop {
            let left = self.bounds.deadline.saturating_sub(started.elapsed());
            match result.recv_timeout(left.min(LOOK)) {
                Ok(done) => return done,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(GitError::scratch("reading the repository panicked"));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if size_of(&self.folder) > most {
                self.stop.store(true, Ordering::Relaxed);
                return Err(GitError::TooLarge {
                    reason: format!("fetching it takes more than {most} bytes"),
                });
            }
        }
        self.stop.store(true, Ordering::Relaxed);
        Err(GitError::Deadline {
            url: self.url,
            seconds: self.bounds.deadline.as_secs(),
        })
    }
}

/// What cannot be read counts as nothing: files come and go while the fetch works.
fn size_of(folder: &Path) -> u64 {
    let Ok(items) = std::fs::read_dir(folder) else {
        return 0;
    };
    let size = |item: std::fs::DirEntry| match item.metadata() {
        Ok(found) if found.is_dir() => size_of(&item.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    items.flatten().map(size).sum()
}

impl Remote {
    fn open(
        asked: Asked,
        folder: &Path,
        bounds: Bounds,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, GitError> {
        // Fails if somebody installed one already, which is as good.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let most = bounds.limits.file_bytes.max(ALLOCATION);
        let most = format!("gitoxide.objects.allocLimit={most}");
        // Isolated: neither this machine's git configuration nor its environment counts.
        let options = gix::open::Options::isolated().config_overrides([most]);
        let kind = gix::create::Kind::Bare;
        let here = gix::ThreadSafeRepository::init_opts(folder, kind, Default::default(), options)
            .map_err(|error| GitError::scratch(super::error::chain(&error)))?;
        Ok(Self {
            url: asked.address.to_string(),
            here: here.to_thread_local(),
            bounds,
            address: asked.address,
            authorization: asked.authorization,
            ends: Instant::now() + bounds.deadline,
            stop,
        })
    }

    /// Set when the caller has gone on.
    pub(super) fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// An error once the caller has gone on, so that no work is done for nobody.
    pub(super) fn in_time(&self) -> Result<(), GitError> {
        match self.stop.load(Ordering::Relaxed) || Instant::now() >= self.ends {
            false => Ok(()),
            true => Err(GitError::Deadline {
                url: self.url.clone(),
                seconds: self.bounds.deadline.as_secs(),
            }),
        }
    }

    /// For gix's HTTP client. reqwest's own limit of 30 seconds would cut large fetches off;
    /// with this one a read that hangs ends with the deadline.
    pub(super) fn transport_options(&self) -> Box<http::Options> {
        let left = self.ends.saturating_duration_since(Instant::now());
        let configure = move |builder: reqwest::blocking::ClientBuilder| {
            Ok(builder.connect_timeout(CONNECT.min(left)).timeout(left))
        };
        let authorization = self.authorization.clone();
        let client = http::reqwest::Options {
            configure_client: Some(Box::new(configure)),
            configure_request: authorization.map(|value| only_at(&self.address, value)),
        };
        Box::new(http::Options {
            backend: Some(Arc::new(Mutex::new(client))),
            ..http::Options::default()
        })
    }

    pub(super) fn failed(&self, error: &gix::Error) -> GitError {
        // What the deadline cut off looks like a broken connection.
        match self.in_time() {
            Err(late) => late,
            Ok(()) => GitError::conversation(&self.url, error, self.has_credentials()),
        }
    }

    pub(super) fn has_credentials(&self) -> bool {
        self.authorization.is_some()
    }
}

/// Credentials go to the repository's own address and nowhere else. That gix follows no
/// redirect of a request that was configured is one lock; that the header depends on where a
/// request goes is the other.
fn only_at(address: &Url, value: HeaderValue) -> Box<http::reqwest::ConfigureRequestFn> {
    let own = address.origin();
    Box::new(move |request| {
        if request.url().origin() == own {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        Ok(())
    })
}

use super::{GitError, address};
use gix::ObjectId;
use gix::actor::Signature;
use gix::date::Time;
use gix::objs::{Kind, WriteTo};
use gix::odb::pack::data;
use gix::zlib::Compression;
use gix::zlib::stream::deflate;
use std::io::{self, Write};

/// An annotated tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Without `refs/tags/`, e.g. `release/stage/42`.
    pub name: String,
    /// 40 lower-case hexadecimal digits; the repository has it.
    pub commit: String,
    /// Lines, the first of them a summary.
    pub message: String,
    /// Who made it and when.
    pub tagger: Tagger,
}

/// Who made a tag and when: all of it is given, so that the same tag is the same object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagger {
    /// A person's or a program's.
    pub name: String,
    /// An address.
    pub email: String,
    /// Since 1970, in UTC.
    pub seconds: i64,
}

/// What became of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// It is there now.
    New,
    /// It was there: name, commit, message, tagger and date are the same.
    AlreadyThere,
    /// Another one has its name. It was left as it is.
    Different {
        /// The commit that one points to, 40 hexadecimal digits (of the tag itself, where the
        /// repository does not say).
        at: String,
    },
}

/// A tag as git stores it.
pub(super) struct Object {
    pub(super) name: String,
    pub(super) id: ObjectId,
    data: Vec<u8>,
}

impl Object {
    pub(super) fn of(tag: &Tag) -> Result<Self, GitError> {
        let data = written(tag, address::commit(&tag.commit)?)?;
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Tag, &data)
            .map_err(GitError::scratch)?;
        Ok(Self {
            name: tag.name.clone(),
            id,
            data,
        })
    }

    pub(super) fn reference(&self) -> String {
        format!("refs/tags/{}", self.name)
    }

    /// A pack with nothing else in it
    /// (<https://git-scm.com/docs/gitformat-pack>, version 2).
    pub(super) fn pack(&self) -> Result<Vec<u8>, GitError> {
        let mut pack = self.packed().map_err(GitError::scratch)?;
        let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
        hasher.update(&pack);
        let checksum = hasher.try_finalize().map_err(GitError::scratch)?;
        pack.extend(checksum.as_slice());
        Ok(pack)
    }

    fn packed(&self) -> io::Result<Vec<u8>> {
        let mut pack = data::header::encode(data::Version::V2, 1).to_vec();
        data::entry::Header::Tag.write_to(self.data.len() as u64, &mut pack)?;
        let mut deflated = deflate::Write::new(pack, Compression::DEFAULT);
        deflated.write_all(&self.data)?;
        // Finishes the stream.
        deflated.flush()?;
        Ok(deflated.into_inner())
    }
}

fn written(tag: &Tag, target: ObjectId) -> Result<Vec<u8>, GitError> {
    let object = gix::objs::Tag {
        target,
        target_kind: Kind::Commit,
        name: tag.name.as_str().into(),
        tagger: Some(Signature {
            name: tag.tagger.name.as_str().into(),
            email: tag.tagger.email.as_str().into(),
            time: Time {
                seconds: tag.tagger.seconds,
                offset: 0,
            },
        }),
        // git ends every message with a line break.
        message: format!("{}\n", tag.message.trim_end()).into(),
        signature: None,
    };
    let mut data = Vec::new();
    object
        .write_to(&mut data)
        .map_err(|_| GitError::NotATagName {
            given: tag.name.chars().take(60).collect(),
        })?;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(name: &str) -> Tag {
        Tag {
            name: name.into(),
            commit: "1234567890".repeat(4),
            message: "Release stage-r42 to stage\n\napi 1234\n\n".into(),
            tagger: Tagger {
                name: "cutover".into(),
                email: "cutover@example.com".into(),
                seconds: 1_700_000_000,
            },
        }
    }

    #[test]
    fn a_tag_is_written_as_git_writes_it() {
        let object = Object::of(&tag("release/stage/42")).unwrap();
        let expected = "object 1234567890123456789012345678901234567890\ntype commit\n\
            tag release/stage/42\ntagger cutover <cutover@example.com> 1700000000 +0000\n\n\
            Release stage-r42 to stage\n\napi 1234\n";
        assert_eq!(String::from_utf8(object.data).unwrap(), expected);
    }

    #[test]
    fn the_same_tag_is_the_same_object() {
        let id = |tag: &Tag| Object::of(tag).unwrap().id;
        let one = tag("release/stage/42");
        assert_eq!(id(&one), id(&one.clone()));
        let mut later = one.clone();
        later.tagger.seconds += 1;
        assert_ne!(id(&one), id(&later));
    }

    #[test]
    fn only_what_git_takes_as_a_name_is_a_name() {
        for name in ["", "-x", "a b", "a..b", "a\nb", "x.lock", "/a"] {
            let refused = Object::of(&tag(name)).err();
            assert!(
                matches!(refused, Some(GitError::NotATagName { .. })),
                "{name:?}"
            );
        }
    }
}

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The kernel's own limit on links followed for one path (path_resolution(7)).
const MOST_HOPS: usize = 40;

/// All symbolic links of a folder, with paths relative to it.
pub(crate) type Links = BTreeMap<PathBuf, PathBuf>;

/// Refuses the first link that leads out of the folder, also by way of other links. It is
/// decided by names alone, for a folder that need not exist yet.
pub(crate) fn check(links: &Links) -> Result<(), (PathBuf, &'static str)> {
    for (link, target) in links {
        stays_inside(links, link, target).map_err(|reason| (link.clone(), reason))?;
    }
    Ok(())
}

fn stays_inside(links: &Links, link: &Path, target: &Path) -> Result<(), &'static str> {
    // `here` never holds a link, so ".." is its parent for the kernel too.
    let mut here: PathBuf = link.parent().unwrap_or(Path::new("")).to_owned();
    let mut ahead = steps(target);
    let mut hops = 0;
    if target.as_os_str().is_empty() {
        return Err("the link has no target");
    }
    while let Some(step) = ahead.pop_front() {
        match step {
            Step::Root => {
                return Err("the link is absolute; make it relative, or make it a copy");
            }
            Step::Up if !here.pop() => {
                return Err("the link leads out of the folder");
            }
            Step::Up => {}
            Step::Down(name) => here.push(name),
        }
        if let Some(next) = links.get(&here) {
            hops += 1;
            if hops > MOST_HOPS {
                return Err("the link leads in a circle");
            }
            here.pop();
            let rest = std::mem::replace(&mut ahead, steps(next));
            ahead.extend(rest);
        }
    }
    Ok(())
}

enum Step {
    Root,
    Up,
    Down(OsString),
}

fn steps(path: &Path) -> VecDeque<Step> {
    let step = |component| match component {
        Component::Prefix(_) | Component::RootDir => Some(Step::Root),
        Component::CurDir => None,
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
    };
    path.components().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    fn check(links: &[(&str, &str)]) -> Result<(), &'static str> {
        let links = links
            .iter()
            .map(|(link, target)| (link.into(), target.into()))
            .collect();
        super::check(&links).map_err(|(_, reason)| reason)
    }

    const LEAVES: Result<(), &str> = Err("the link leads out of the folder");

    #[test]
    fn links_that_stay_inside_are_fine() {
        assert_eq!(check(&[("bin/tool", "../lib/tool.sh")]), Ok(()));
        assert_eq!(check(&[("a", "b"), ("b", "c/../d")]), Ok(()));
        assert_eq!(check(&[("deep/er/root", "../..")]), Ok(()));
        assert_eq!(check(&[("dangling", "not/there")]), Ok(()));
    }

    #[test]
    fn a_link_that_leaves_is_refused() {
        assert_eq!(check(&[("a", "..")]), LEAVES);
        assert_eq!(check(&[("a/b", "../../etc/passwd")]), LEAVES);
        assert!(check(&[("a", "/etc/passwd")]).is_err());
        assert!(check(&[("a", "")]).is_err());
    }

    #[test]
    fn a_link_that_leaves_by_way_of_another_is_refused() {
        // By its name alone `d/e/f/out` stays inside; through `top` it does not.
        let chain = [
            ("a/b/c/up", "../../.."),
            ("top", "a/b/c/up"),
            ("d/e/f/out", "../../../top/../x"),
        ];
        assert_eq!(check(&chain), LEAVES);
        assert_eq!(
            check(&[("x", "y/.."), ("y", "z/../.."), ("q", "x/..")]),
            LEAVES
        );
    }

    #[test]
    fn links_in_a_circle_are_refused() {
        assert!(check(&[("a", "b"), ("b", "a")]).is_err());
        assert!(check(&[("a", "a")]).is_err());
    }
}

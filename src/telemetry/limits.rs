//! How much memory and processor the process may use: its cgroup's limits, or the machine's.

use std::fs;
use std::path::{Path, PathBuf};

/// What the process may use; absent where the system does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Processors, fractions included.
    pub cpu_cores: Option<f64>,
}

impl Limits {
    /// Reads the limits of this process.
    pub fn read() -> Limits {
        let cores = std::thread::available_parallelism().ok().map(|count| count.get() as f64);
        Limits::read_below(Path::new("/"), cores)
    }

    /// As [`Limits::read`], with the file system's root and the machine's processors given.
    fn read_below(root: &Path, machine_cores: Option<f64>) -> Limits {
        let mut limits = Limits { memory_bytes: machine_memory(root), cpu_cores: machine_cores };
        for folder in cgroup_folders(root) {
            limits.memory_bytes = least(limits.memory_bytes, number(&folder.join("memory.max")));
            limits.cpu_cores = least(limits.cpu_cores, quota(&folder.join("cpu.max")));
        }
        // Version 1, still met on older machines; a huge number says that there is no limit, and
        // the machine's memory is then the lesser.
        let v1 = root.join("sys/fs/cgroup/memory/memory.limit_in_bytes");
        limits.memory_bytes = least(limits.memory_bytes, number(&v1));
        limits
    }
}

fn least<T: PartialOrd>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other < one { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// The cgroup of the process and those above it, whose limits hold as well. In a container the
/// path is `/`, as the container sees only its own part of the tree.
fn cgroup_folders(root: &Path) -> Vec<PathBuf> {
    let top = root.join("sys/fs/cgroup");
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let path = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let mut folders = vec![top.clone()];
    let mut folder = top;
    for part in path.split('/').filter(|part| !part.is_empty() && *part != "..") {
        folder.push(part);
        folders.push(folder.clone());
    }
    folders
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// `QUOTA PERIOD` in microseconds, or `max PERIOD`.
fn quota(file: &Path) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let mut parts = text.split_whitespace();
    let quota: f64 = parts.next()?.parse().ok()?;
    let period: f64 = parts.next()?.parse().ok()?;
    (period > 0.0).then_some(quota / period)
}

fn machine_memory(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = root.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        root
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:  1000 kB\nMemFree: 10 kB\n");

    #[test]
    fn without_a_limit_it_is_the_machine() {
        let root = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "max\n"),
            ("sys/fs/cgroup/cpu.max", "max 100000\n"),
        ]);
        let limits = Limits::read_below(root.path(), Some(4.0));
        assert_eq!(limits, Limits { memory_bytes: Some(1_024_000), cpu_cores: Some(4.0) });
    }

    #[test]
    fn the_tightest_limit_on_the_way_down_holds() {
        let root = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/memory.max", "5000\n"),
            ("sys/fs/cgroup/a/b/memory.max", "9000\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n"),
        ]);
        let limits = Limits::read_below(root.path(), Some(4.0));
        assert_eq!(limits, Limits { memory_bytes: Some(5000), cpu_cores: Some(1.5) });
    }

    #[test]
    fn version_1_and_its_way_to_say_no_limit() {
        let file = "sys/fs/cgroup/memory/memory.limit_in_bytes";
        for (text, expected) in [("9223372036854771712\n", 1_024_000), ("4096\n", 4096)] {
            let root = machine(&[MEMINFO, (file, text)]);
            assert_eq!(Limits::read_below(root.path(), None).memory_bytes, Some(expected));
        }
    }

    #[test]
    fn a_machine_that_says_nothing() {
        let root = machine(&[]);
        assert_eq!(Limits::read_below(root.path(), None), Limits::default());
    }
}

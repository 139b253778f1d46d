use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use super::servers::address_of;
use super::{Finding, examine, files, host};
use crate::config::{Config, Env};
use crate::store::{Sealer, Store};

#[tokio::test]
async fn a_broken_configuration_ends_the_examination_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    fs::write(&file, "data_dirr = 1").unwrap();
    let findings = examine(&file, &Env::new()).await;
    assert_eq!(findings.iter().filter(|finding| finding.is_fault()).count(), 1);
    assert!(findings.last().unwrap().to_string().contains("data_dirr"), "{findings:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_found() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    let socket = dir.path().join("nobody.sock");
    let text = format!(
        "data_dir = {:?}\n[[network]]\nkind = \"echo\"\njid = \"echo.example.org\"\nserver = \"unix:{}\"\nsecret = \"s\"",
        dir.path(),
        socket.display(),
    );
    let file = dir.path().join("config.toml");
    fs::write(&file, text).unwrap();
    let findings = examine(&file, &Env::new()).await;
    let faults: Vec<_> = findings.iter().filter(|finding| finding.is_fault()).map(ToString::to_string).collect();
    assert_eq!(faults.len(), 1, "{findings:?}");
    assert!(faults[0].contains("cannot be reached") && faults[0].contains("component_ports"), "{faults:?}");
}

#[test]
fn a_directory_that_others_can_read_is_doubtful_and_still_works() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let findings = files::directory(dir.path());
    assert!(matches!(&findings[0], Finding::Doubtful { fix, .. } if fix.starts_with("chmod 700")));
    assert!(matches!(&findings[1], Finding::Well(_)));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the probe is gone");
}

#[test]
fn a_file_in_the_place_of_the_directory_is_a_fault() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(files::directory(file.path())[0].is_fault());
}

#[test]
fn a_key_that_others_can_read_is_doubtful() {
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::set_permissions(key.path(), Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(files::key(key.path()), Finding::Well(_)));
    fs::set_permissions(key.path(), Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(files::key(key.path()), Finding::Doubtful { .. }));
}

#[test]
fn a_store_key_that_is_lost_or_another_one_is_a_fault_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    let text = format!(
        "data_dir = {:?}\n[[network]]\nkind = \"echo\"\njid = \"e.example.org\"\nserver = \"127.0.0.1:1\"\nsecret = \"s\"",
        dir.path()
    );
    fs::write(&file, text).unwrap();
    let config = Config::load(&file, &Env::new()).unwrap();
    let key = config.store_key().unwrap();
    drop(Store::open(&config.database(), Sealer::of(&key).unwrap()).unwrap());
    let found = || files::all(&config).into_iter().filter(Finding::is_fault).collect::<Vec<_>>();
    assert_eq!(found(), []);

    fs::remove_file(config.key_path()).unwrap();
    assert!(
        matches!(&found()[..], [Finding::Fault { what, fix }] if what.contains("is gone") && fix.contains("put the key back"))
    );
    assert!(!config.key_path().exists(), "doctor changes nothing");

    fs::write(config.key_path(), "0b".repeat(32)).unwrap();
    fs::set_permissions(config.key_path(), Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(&found()[..], [Finding::Fault { what, .. }] if what.contains("made with another store key")));
}

#[test]
fn a_clock_that_went_back_is_noticed() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    assert!(matches!(host::clock_at(now, Some(now - Duration::from_secs(5))), Finding::Well(_)));
    assert!(host::clock_at(now, Some(now + Duration::from_secs(3600))).is_fault());
    assert!(host::clock_at(SystemTime::UNIX_EPOCH, None).is_fault());
}

#[test]
fn swap_on_a_disk_and_open_tracing_are_doubtful() {
    let header = "Filename\tType\tSize\tUsed\tPriority\n";
    assert_eq!(host::swap(header), None);
    assert_eq!(host::swap(&format!("{header}/dev/zram0 partition 8 0 100\n")), None);
    let found = host::swap(&format!("{header}/dev/zram0 partition 8 0 100\n/dev/sda2 partition 8 0 -2\n")).unwrap();
    assert!(found.is_doubtful() && found.to_string().contains("/dev/sda2"), "{found}");
    assert!(host::tracing("0\n").is_some_and(|found| found.is_doubtful()));
    assert_eq!([host::tracing("1\n"), host::tracing("")], [None, None]);
}

#[test]
fn homeservers_are_written_in_many_ways() {
    assert_eq!(address_of("example.org"), "example.org:443");
    assert_eq!(address_of("example.org:8448"), "example.org:8448");
    assert_eq!(address_of("http://127.0.0.1:8008/"), "127.0.0.1:8008");
    assert_eq!(address_of("https://matrix.example.org/base"), "matrix.example.org:443");
    assert_eq!(address_of("http://[::1]:8008"), "[::1]:8008");
    assert_eq!(address_of("https://[::1]"), "[::1]:443");
}

//! Whether a database was put back.

use std::fs;

use super::*;
use crate::store::witness;

fn name(dir: &Path) -> PathBuf {
    dir.join("drawbridge.db")
}

/// What may be used only once.
async fn put_something(store: &Store) {
    let put = |db: &Transaction<'_>, _: &Sealer| {
        let sql = "INSERT OR IGNORE INTO users (id, network, jid, told) VALUES (1, 'echo', 'alice@example.org', 8);
                   INSERT OR IGNORE INTO omemo_sessions VALUES (1, 'bob', 1, 7, x'00');
                   INSERT OR IGNORE INTO omemo_prekeys VALUES (1, 'bob', 1, x'00')";
        Ok(db.execute_batch(sql)?)
    };
    store.call(put).await.unwrap();
}

/// Whether Alice is to be told that the database was put back.
async fn is_untold(store: &Store) -> bool {
    let sql = "SELECT told & 8 = 0 FROM users WHERE id = 1";
    store.call(|db, _| Ok(db.query_row(sql, [], |row| row.get(0))?)).await.unwrap()
}

/// How much of it is there, and whether the database knows that it was put back.
async fn looks(store: &Store) -> (i64, bool) {
    let count = |db: &Transaction<'_>, _: &Sealer| {
        let sql = "SELECT (SELECT count(*) FROM omemo_sessions) + (SELECT count(*) FROM omemo_prekeys)";
        Ok((db.query_row(sql, [], |row| row.get(0))?, witness::since(db)? > 0))
    };
    store.call(count).await.unwrap()
}

/// As `cp -a` does it: into the files that are there, with their times.
fn copy(from: &Path, to: &Path, which: impl Fn(&str) -> bool) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap()) {
        if which(file.file_name().to_str().unwrap()) {
            let there = to.join(file.file_name());
            fs::copy(file.path(), &there).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            fs::File::options().write(true).open(there).unwrap().set_modified(modified).unwrap();
        }
    }
}

#[tokio::test]
async fn a_database_that_nobody_touched_goes_on_after_an_end_and_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    for closes in [true, false, false, true, true] {
        let store = open(&name(dir.path()));
        put_something(&store).await;
        assert_eq!(looks(&store).await, (2, false));
        if closes {
            store.close().await.unwrap();
        }
    }
    let store = open(&name(dir.path()));
    assert_eq!(looks(&store).await, (2, false));
}

#[tokio::test]
async fn a_copy_that_was_put_back_uses_nothing_twice() {
    for (what, which) in [
        ("the database alone", (|name: &str| !name.contains("witness")) as fn(&str) -> bool),
        ("everything", |_: &str| true),
    ] {
        for while_it_runs in [true, false] {
            let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let path = name(dir.path());
            let store = open(&path);
            put_something(&store).await;
            if while_it_runs {
                store.checkpoint().await.unwrap();
                copy(dir.path(), backup.path(), which);
            }
            store.close().await.unwrap();
            drop(store);
            if !while_it_runs {
                copy(dir.path(), backup.path(), which);
                // It goes on, and what it does from here on is what the copy does not know.
                open(&path).close().await.unwrap();
            }
            copy(backup.path(), dir.path(), |_| true);
            let store = open(&path);
            assert_eq!(looks(&store).await, (0, true), "{what}, {while_it_runs}");
            assert!(is_untold(&store).await);
            put_something(&store).await;
            drop(store);
            assert_eq!(looks(&open(&path)).await.0, 2, "once");
        }
    }
}

#[tokio::test]
async fn a_copy_that_is_put_somewhere_else_is_a_copy() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&name(dir.path()));
    put_something(&store).await;
    store.close().await.unwrap();
    drop(store);
    copy(dir.path(), other.path(), |_| true);
    assert_eq!(looks(&open(&name(other.path()))).await, (0, true));
}

#[tokio::test]
async fn a_copy_made_before_the_file_was_last_written_is_known_even_after_a_crash() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = name(dir.path());
    let store = open(&path);
    put_something(&store).await;
    store.checkpoint().await.unwrap();
    copy(dir.path(), backup.path(), |name| !name.contains("witness"));
    store.renew_witness().await.unwrap();
    store.checkpoint().await.unwrap();
    drop(store);
    copy(backup.path(), dir.path(), |_| true);
    assert_eq!(looks(&open(&path)).await, (0, true));
}

/// The file is new by then, and the database has not heard of it.
#[tokio::test]
async fn an_end_between_the_file_and_the_database_puts_nothing_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = name(dir.path());
    let store = open(&path);
    put_something(&store).await;
    drop(store);
    let old = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let old = old.into_iter().find(|name| name.contains("witness")).unwrap();
    let new = if old.ends_with('0') { old.replace("-0", "-1") } else { old.replace("-1", "-0") };
    fs::write(dir.path().join(new), "").unwrap();
    assert_eq!(looks(&open(&path)).await, (2, false));
}

//! Promises about files.

use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::{Broken, Harness, Shared, Stage, broken, ensure, unsent};
use crate::{
    Attachment, Caption, ConvId, Error, Event, FileContent, FileInfo, Handle, OutFile, Plaintext, SendError, TxnId,
};

pub(super) async fn arrive(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    let Some(media) = stage.session.media() else { return stage.stop().await.map(drop) };
    let files = files();
    for (number, file) in files.iter().enumerate() {
        let txn = || TxnId::new(format!("f{number}"));
        let once = media.share(out(&stage.conv, file), txn()).await.map_err(unsent)?;
        let again = media.share(out(&stage.conv, file), txn()).await.map_err(unsent)?;
        ensure(once == again, "the same file got several far ids")?;
        let known = stage.session.sent(&stage.conv, &txn()).await.map_err(unsent)?;
        ensure(known == Some(once), "what became of a file's transaction is not known")?;
    }
    stage.send("and words", "t1").await.map_err(unsent)?;
    let deadline = Instant::now() + harness.patience();
    while harness.contact_has(&stage.conv).await.len() < files.len() && Instant::now() < deadline {
        sleep(harness.quiet() / 10).await;
    }
    sleep(harness.quiet()).await;
    let has = harness.contact_has(&stage.conv).await;
    ensure(has.len() == files.len(), format!("the contact has {} files instead of {}", has.len(), files.len()))?;
    for (number, (has, file)) in has.iter().zip(&files).enumerate() {
        ensure(has.octets == file.octets, format!("file {number} has other octets at the contact"))?;
        ensure(has == file, format!("file {number} has another name, kind, size or caption at the contact"))?;
    }
    let nowhere = media.share(out(&ConvId::new("nowhere"), &files[0]), TxnId::new("f9")).await;
    ensure(matches!(nowhere, Err(SendError::Rejected(_))), format!("a file to nowhere is answered with {nowhere:?}"))?;
    stage.stop().await.map(drop)
}

pub(super) async fn come_in(harness: &dyn Harness) -> Result<(), Broken> {
    let mut stage = Stage::set(harness).await?;
    if stage.session.media().is_none() {
        return stage.stop().await.map(drop);
    }
    let files = files();
    for file in &files {
        harness.contact_shares(&stage.conv, file).await;
    }
    stage.texts(files.len()).await;
    let attachments: Vec<Option<Box<Attachment>>> = stage
        .keeper
        .messages(&stage.conv)
        .into_iter()
        .map(|envelope| match envelope.event {
            Event::Message { file, .. } => file,
            _ => None,
        })
        .collect();
    ensure(attachments.len() == files.len(), format!("{} of {} files come in", attachments.len(), files.len()))?;
    let media = stage.session.media().ok_or_else(|| Broken("files are not advertised any more".into()))?;
    for (number, (attachment, file)) in attachments.into_iter().zip(&files).enumerate() {
        let Some(attachment) = attachment else {
            return Err(Broken(format!("file {number} comes as words")));
        };
        let size = file.octets.len();
        let too_small = media.fetch(&attachment.handle, size - 1).await;
        ensure(
            matches!(too_small, Err(Error::Rejected(_))),
            format!("file {number} is longer than asked for, which is answered with {too_small:?}"),
        )?;
        let content = media.fetch(&attachment.handle, size).await.map_err(broken("fetching a file"))?;
        let Attachment { info, caption, .. } = *attachment;
        let came = Shared {
            name: info.name.expose().to_owned(),
            media_type: info.media_type,
            dimensions: info.dimensions,
            octets: content.into_octets().to_vec(),
            caption: caption.map(|Caption(caption)| caption.expose().to_owned()),
        };
        ensure(came == *file, format!("file {number} comes as another one"))?;
    }
    let nothing = media.fetch(&Handle(Plaintext::new("nothing")), 1).await;
    ensure(matches!(nothing, Err(Error::NotFound)), format!("no file is answered with {nothing:?}"))?;
    stage.stop().await.map(drop)
}

fn files() -> [Shared; 3] {
    let file = |name: &str, media_type: &str, octets: Vec<u8>| Shared {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        dimensions: None,
        octets,
        caption: None,
    };
    let noise = (0u32..200_000).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    [
        Shared { dimensions: Some((3, 2)), ..file("c\u{e4}t.png", "image/png", b"\x89PNG no picture".to_vec()) },
        file("noise.bin", "application/octet-stream", noise),
        Shared { caption: Some("read this".into()), ..file("a b.txt", "text/plain", b"words".to_vec()) },
    ]
}

fn out(conv: &ConvId, file: &Shared) -> OutFile {
    let Shared { name, media_type, dimensions, octets, caption } = file.clone();
    let size = u64::try_from(octets.len()).ok();
    let info = FileInfo { name: Plaintext::new(name), media_type, size, dimensions, duration: None };
    let caption = caption.map(|caption| Caption(Plaintext::new(caption)));
    OutFile { conv: conv.clone(), info, content: FileContent::new(Zeroizing::new(octets)), caption }
}

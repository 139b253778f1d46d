//! Files in rooms (Matrix 1.18, "Content repository" and "Sending encrypted attachments").

use std::io::Read;
use std::time::Duration;

use async_trait::async_trait;
use drawbridge_bridge::{Caption, Error, FileContent, FileInfo, Handle, Media, OutFile, SendError, Sent, TxnId};
use matrix_sdk::reqwest::redirect::Policy;
use matrix_sdk::reqwest::{self, Response, StatusCode};
use matrix_sdk::ruma::MxcUri;
use matrix_sdk::ruma::events::room::{EncryptedFile, MediaSource};
use matrix_sdk::{Client, Room};
use matrix_sdk_base::crypto::{AttachmentDecryptor, MediaEncryptionInfo};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::error::Fault;
use crate::send::Draft;
use crate::session::MatrixSession;

/// A file takes no longer than this to come.
const TIMEOUT: Duration = Duration::from_secs(120);

#[async_trait]
impl Media for MatrixSession {
    async fn fetch(&self, handle: &Handle, max: usize) -> Result<FileContent, Error> {
        let source = serde_json::from_str(handle.0.expose()).map_err(|_| Error::NotFound)?;
        let client = self.client().await?;
        Ok(Box::pin(fetch(&client, &source, max)).await?)
    }

    async fn share(&self, file: OutFile, txn: TxnId) -> Result<Sent, SendError> {
        let conv = file.conv.clone();
        Box::pin(self.hand_over(&conv, Draft::File(Box::new(file)), txn)).await.map_err(SendError::from)
    }
}

async fn fetch(client: &Client, source: &MediaSource, max: usize) -> Result<FileContent, Fault> {
    match source {
        MediaSource::Plain(uri) => Ok(FileContent::new(Zeroizing::new(download(client, uri, max).await?))),
        MediaSource::Encrypted(file) => decrypt(&download(client, &file.url, max).await?, file),
    }
}

/// No more than `max` octets, whatever the homeserver would send: matrix-sdk takes everything.
async fn download(client: &Client, uri: &MxcUri, max: usize) -> Result<Vec<u8>, Fault> {
    let (server, id) = uri.parts().map_err(|_| Fault::NotFound)?;
    // Homeservers before Matrix 1.11 know the second only.
    for path in ["client/v1/media", "media/v3"] {
        let path = format!("_matrix/{path}/download/{server}/{id}");
        let url = client.homeserver().join(&path).map_err(|_| Fault::NotFound)?;
        let request = direct().map_err(|_| Fault::transient("there is no TLS to be had"))?.get(url).timeout(TIMEOUT);
        let token = client.access_token().ok_or(Fault::LoggedOut)?;
        let response = request.bearer_auth(token).send().await;
        let response = response.map_err(|_| Fault::transient("the homeserver cannot be reached"))?;
        match response.status() {
            StatusCode::OK => return within(response, max).await,
            StatusCode::NOT_FOUND => {}
            status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                return Err(Fault::transient(format!("the homeserver answers with status {}", status.as_u16())));
            }
            _ => return Err(Fault::NotFound),
        }
    }
    Err(Fault::NotFound)
}

/// A client that goes where it is told and nowhere else: a homeserver could send it into the host's own network, and read the
/// answer as a file.
fn direct() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().redirect(Policy::none()).build()
}

async fn within(mut response: Response, max: usize) -> Result<Vec<u8>, Fault> {
    let too_long = || Fault::Refused("The file is too long.".to_owned());
    let announced = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > max) {
        return Err(too_long());
    }
    let mut octets = Vec::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(|_| Fault::transient("the file did not come whole"))? {
        if octets.len().saturating_add(chunk.len()) > max {
            return Err(too_long());
        }
        octets.extend_from_slice(&chunk);
    }
    Ok(octets)
}

/// Nothing of it is given out before its hash is right.
fn decrypt(sealed: &[u8], file: &EncryptedFile) -> Result<FileContent, Fault> {
    let mut reader = sealed;
    let info = MediaEncryptionInfo::from(file.clone());
    let mut decryptor = AttachmentDecryptor::new(&mut reader, info).map_err(|_| Fault::NotFound)?;
    let mut octets = Zeroizing::new(Vec::with_capacity(sealed.len()));
    decryptor.read_to_end(&mut octets).map_err(|_| Fault::NotFound)?;
    Ok(FileContent::new(octets))
}

/// Puts the file on the homeserver, sealed if the room is; what the event says of it.
pub(crate) async fn upload(client: &Client, room: &Room, file: OutFile) -> Result<Value, Fault> {
    let OutFile { info, content, caption, .. } = file;
    let is_encrypted = Box::pin(room.latest_encryption_state()).await?.is_encrypted();
    let size = u64::try_from(content.expose().len()).ok();
    let source = if is_encrypted {
        let mut octets = content.expose();
        let file = Box::pin(client.upload_encrypted_file(&mut octets).into_future()).await?;
        MediaSource::Encrypted(Box::new(file))
    } else {
        let kind = info.media_type.parse().unwrap_or(mime::APPLICATION_OCTET_STREAM);
        let octets = std::mem::take(&mut *content.into_octets());
        let uploaded = Box::pin(client.media().upload(&kind, octets, None).into_future()).await?;
        MediaSource::Plain(uploaded.content_uri)
    };
    event(&FileInfo { size, ..info }, caption.as_ref(), &source)
}

/// The content of an event that shares the file.
fn event(info: &FileInfo, caption: Option<&Caption>, source: &MediaSource) -> Result<Value, Fault> {
    let name = info.name.expose();
    let kind = match info.media_type.split('/').next() {
        // A drawing that is a program is for no picture viewer.
        Some("image") if !info.media_type.contains("svg") => "m.image",
        Some("video") => "m.video",
        Some("audio") => "m.audio",
        _ => "m.file",
    };
    let mut about = json!({ "mimetype": info.media_type });
    let known = [
        ("size", info.size),
        ("w", info.dimensions.map(|(width, _)| width.into())),
        ("h", info.dimensions.map(|(_, height)| height.into())),
        ("duration", info.duration.and_then(|duration| u64::try_from(duration.as_millis()).ok())),
    ];
    for (field, value) in known {
        if let (Some(fields), Some(value)) = (about.as_object_mut(), value) {
            fields.insert(field.to_owned(), json!(value));
        }
    }
    let body = caption.map_or(name, |Caption(caption)| caption.expose());
    let mut content = json!({ "msgtype": kind, "body": body, "filename": name, "info": about });
    let source = serde_json::to_value(source).map_err(|_| Fault::transient("the file has no address"))?;
    if let (Some(fields), Value::Object(source)) = (content.as_object_mut(), source) {
        fields.extend(source);
    }
    Ok(content)
}

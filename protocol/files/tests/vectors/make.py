#!/usr/bin/env python3
"""Makes cryptography.txt, on its output, with Python's `cryptography` (pip install cryptography): what OpenSSL's AES does to a file.

Each line: cipher, key, IV, file, what is uploaded; in hexadecimal digits. All of it follows from counting.
"""
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

def octets(first, count):
    return bytes((first + 7 * at) % 256 for at in range(count))

for length in (0, 1, 15, 16, 17, 100):
    file = octets(length, length)
    for name, key, iv in (("aes-128-gcm", 16, 12), ("aes-256-gcm", 32, 12), ("aes-256-gcm", 32, 16), ("aes-128-gcm", 16, 16)):
        key, iv = octets(1, key), octets(2, iv)
        print(name, key.hex(), iv.hex(), file.hex() or "-", AESGCM(key).encrypt(iv, file, None).hex())
    key, iv = octets(3, 32), octets(4, 16)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    padded = padder.update(file) + padder.finalize()
    print("aes-256-cbc", key.hex(), iv.hex(), file.hex() or "-", (encryptor.update(padded) + encryptor.finalize()).hex())

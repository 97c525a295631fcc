// SPDX-License-Identifier: Apache-2.0
// Checks certificate files before a port is opened with them: gRPC itself would start with a broken one and then refuse
// every handshake without a word.
#pragma once

#include <absl/status/status.h>

#include <string>

namespace cvxnn::server {

/// The server's own pair: PEM files of a certificate (and those between it and its root) and of its private key.
/// INVALID_ARGUMENT naming flag and file: not readable, not PEM, key and certificate do not belong together, or the
/// certificate has expired. FAILED_PRECONDITION: others than owner and group may read the key.
absl::Status CheckKeyPair(const std::string& certificate_file, const std::string& key_file);

/// PEM file of the authorities that sign clients' certificates. INVALID_ARGUMENT as above.
absl::Status CheckAuthorities(const std::string& file);

}  // namespace cvxnn::server

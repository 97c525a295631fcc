// SPDX-License-Identifier: Apache-2.0
// Certificates made for one test: an authority, and what it signs.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>

namespace cvxnn::server {

/// A certificate and its key, both in PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

/// Signs certificates for the common names it is asked for, all of them good for 127.0.0.1.
class Authority {
 public:
  Authority();
  /// The authority's own certificate in PEM.
  const std::string& certificate() const { return pem_; }
  /// Ends `lifetime` from now; a negative one has expired.
  Identity Sign(const std::string& common_name, std::chrono::seconds lifetime = std::chrono::hours(1)) const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> certificate_;
  std::string pem_;
};

/// Writes a file that its owner alone may open.
void WritePrivately(const std::string& path, const std::string& text);

}  // namespace cvxnn::server

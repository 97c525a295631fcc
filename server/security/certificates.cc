// SPDX-License-Identifier: Apache-2.0
// Reads the files with OpenSSL, which is what gRPC reads them with.
#include "server/security/certificates.h"

#include <absl/strings/str_cat.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <memory>

namespace cvxnn::server {
namespace {

template <auto Free>
struct Releases {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Releases<BIO_free>>;
using Certificate = std::unique_ptr<X509, Releases<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Releases<EVP_PKEY_free>>;

absl::Status Wrong(const char* flag, const std::string& file, const char* what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(flag, " = \"", file, "\": ", what));
}

// A key with a password would wait for somebody at the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

absl::Status CheckNotExpired(const char* flag, const std::string& file, const X509* certificate) {
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0) return absl::OkStatus();
  return Wrong(flag, file, "has expired");
}

}  // namespace

absl::Status CheckKeyPair(const std::string& certificate_file, const std::string& key_file) {
  constexpr const char* kCertificate = "tls-certificate";
  constexpr const char* kKey = "tls-key";
  const Bio certificate_bio(BIO_new_file(certificate_file.c_str(), "r"));
  if (certificate_bio == nullptr) return Wrong(kCertificate, certificate_file, "cannot be read");
  const Certificate certificate(PEM_read_bio_X509(certificate_bio.get(), nullptr, NoPassword, nullptr));
  if (certificate == nullptr) return Wrong(kCertificate, certificate_file, "is not a certificate in PEM");
  const Bio key_bio(BIO_new_file(key_file.c_str(), "r"));
  if (key_bio == nullptr) return Wrong(kKey, key_file, "cannot be read");
  struct stat status {};
  if (stat(key_file.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        kKey, " = \"", key_file, "\": everybody on this machine can open it; take that away with chmod o="));
  }
  const Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr) return Wrong(kKey, key_file, "is not a private key in PEM without a password");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Wrong(kKey, key_file, "is not the key of the certificate in tls-certificate");
  }
  return CheckNotExpired(kCertificate, certificate_file, certificate.get());
}

absl::Status CheckAuthorities(const std::string& file) {
  constexpr const char* kFlag = "tls-client-ca";
  const Bio bio(BIO_new_file(file.c_str(), "r"));
  if (bio == nullptr) return Wrong(kFlag, file, "cannot be read");
  const Certificate first(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
  if (first == nullptr) return Wrong(kFlag, file, "holds no certificate in PEM");
  return CheckNotExpired(kFlag, file, first.get());
}

}  // namespace cvxnn::server

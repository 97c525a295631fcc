// SPDX-License-Identifier: Apache-2.0
// X.509 by OpenSSL.
#include "tests/server/security/certificate_maker.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>

namespace cvxnn::server {
namespace {

template <typename Write>
std::string Pem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string PemOf(X509* certificate) {
  return Pem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
}

void AddExtension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* MakeCertificate(const std::string& common_name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                      std::chrono::seconds lifetime) {
  static std::atomic<long> serial = 1;
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -24L * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), lifetime.count());
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509* signer = issuer != nullptr ? issuer : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  AddExtension(certificate, signer, NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (issuer != nullptr) AddExtension(certificate, signer, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  X509_sign(certificate, issuer_key, EVP_sha256());
  return certificate;
}

}  // namespace

Authority::Authority()
    : key_(EVP_EC_gen("P-256")),
      certificate_(MakeCertificate("test authority", key_.get(), nullptr, key_.get(), std::chrono::hours(1))),
      pem_(PemOf(certificate_.get())) {}

Identity Authority::Sign(const std::string& common_name, std::chrono::seconds lifetime) const {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free> certificate(
      MakeCertificate(common_name, key.get(), certificate_.get(), key_.get(), lifetime));
  return {PemOf(certificate.get()),
          Pem([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

void WritePrivately(const std::string& path, const std::string& text) {
  // Replaced in one step, as tools that renew certificates do.
  std::ofstream(path + ".new", std::ios::binary) << text;
  chmod((path + ".new").c_str(), S_IRUSR | S_IWUSR);
  std::rename((path + ".new").c_str(), path.c_str());
}

}  // namespace cvxnn::server

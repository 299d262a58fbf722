#include "common/http/server_certificate.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace gitops {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

constexpr std::chrono::seconds kLookEvery{1};

absl::Status Unusable(const std::string& file, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("cannot use ", file, " for TLS: ", why));
}

// HTTP/1.1 for clients that offer it; others get no answer to their offer.
int SelectProtocol(SSL*, const unsigned char** out, unsigned char* size,
                   const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, size, kHttp11, sizeof kHttp11, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerCertificate>> ServerCertificate::Load(
    std::string certificate_file, std::string key_file) {
  std::unique_ptr<ServerCertificate> certificate(
      new ServerCertificate(std::move(certificate_file), std::move(key_file)));
  certificate->version_ = certificate->VersionNow();
  if (absl::Status status = certificate->Read(); !status.ok()) return status;
  return certificate;
}

std::shared_ptr<ssl::context> ServerCertificate::Current(
    std::chrono::steady_clock::time_point now) {
  if (now < next_look_) return context_;
  next_look_ = now + kLookEvery;
  const Version version = VersionNow();
  if (version == version_) return context_;
  if (const absl::Status status = Read(); status.ok()) {
    LogInfo("TLS certificate reloaded", {{"file", certificate_file_}});
  } else {
    LogError("the new TLS certificate cannot be used; the previous one stays in use",
             {{"error", std::string(status.message())}});
  }
  version_ = version;
  return context_;
}

absl::Status ServerCertificate::Read() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION |
                           SSL_OP_CIPHER_SERVER_PREFERENCE,
                       error);
  context->use_certificate_chain_file(certificate_file_, error);
  if (error) return Unusable(certificate_file_, error.message());
  context->use_private_key_file(key_file_, ssl::context::pem, error);
  if (error) return Unusable(key_file_, error.message());
  SSL_CTX_set_alpn_select_cb(context->native_handle(), SelectProtocol, nullptr);
  // Idle connections need no buffers of their own. The others: see TlsStream::async_write_some.
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS |
                                                 SSL_MODE_ENABLE_PARTIAL_WRITE |
                                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Sessions are resumed by tickets, which clients keep.
  SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
  context_ = std::move(context);
  return absl::OkStatus();
}

ServerCertificate::Version ServerCertificate::VersionNow() const {
  Version version{};
  size_t at = 0;
  for (const std::string* file : {&certificate_file_, &key_file_}) {
    struct stat info {};
    if (stat(file->c_str(), &info) != 0) std::memset(&info, 0, sizeof info);
    for (const int64_t part :
         {static_cast<int64_t>(info.st_dev), static_cast<int64_t>(info.st_ino),
          static_cast<int64_t>(info.st_size), static_cast<int64_t>(info.st_mtim.tv_sec),
          static_cast<int64_t>(info.st_mtim.tv_nsec)}) {
      version[at++] = part;
    }
  }
  return version;
}

}  // namespace gitops

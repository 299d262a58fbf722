#include "common/rpc/tls_diagnosis.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/path/fd.h"
#include "common/rpc/address.h"
#include "common/rpc/tls_files.h"
#include "common/tls/material.h"

namespace gitops {
namespace {

constexpr timeval kPatience = {.tv_sec = 2, .tv_usec = 0};

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Free<SSL_free>>;

// Whether it can be that the two ends of a connection did not understand each other.
bool IsMisunderstanding(absl::string_view error) {
  for (const char* sign : {"andshake", "ocket closed", "onnection reset", "verification", "GOAWAY",
                           "Broken pipe", "End of TCP stream"}) {
    if (absl::StrContains(error, sign)) return true;
  }
  return false;
}

Fd Connect(const Address& address) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.host.c_str(), absl::StrCat(address.port).c_str(), &hints, &found) != 0) {
    return Fd();
  }
  const std::unique_ptr<addrinfo, Free<freeaddrinfo>> addresses(found);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Fd connection(socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol));
    if (!connection) continue;
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
      setsockopt(connection.get(), SOL_SOCKET, option, &kPatience, sizeof(kPatience));
    }
    if (connect(connection.get(), each->ai_addr, each->ai_addrlen) == 0) return connection;
  }
  return Fd();
}

// The newest of OpenSSL's errors: "wrong version number".
std::string Reason() {
  const unsigned long error = ERR_peek_last_error();  // NOLINT(google-runtime-int)
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "it closed the connection" : reason;
}

// TLS without a certificate of ours and without checks: does anybody there speak it?
bool SpeaksTls(const Address& address) {
  const Fd connection = Connect(address);
  const Context context(SSL_CTX_new(TLS_client_method()));
  const Session session(connection && context ? SSL_new(context.get()) : nullptr);
  if (!session || SSL_set_fd(session.get(), connection.get()) != 1) return false;
  SSL_connect(session.get());
  return SSL_get0_peer_certificate(session.get()) != nullptr;
}

// What is wrong with a date may be either side's clock.
std::string RefusalText(long verified) {  // NOLINT(google-runtime-int)
  std::string text =
      absl::StrCat("its certificate is refused: ", X509_verify_cert_error_string(verified));
  if (verified == X509_V_ERR_CERT_NOT_YET_VALID || verified == X509_V_ERR_CERT_HAS_EXPIRED) {
    absl::StrAppend(&text, "; by the clock of this machine it is ",
                    absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone()));
  }
  return text;
}

// As this program connects. nullopt: the handshake works.
std::optional<std::string> Try(const Address& address, const std::string& directory) {
  const absl::StatusOr<TlsMaterial> own = LoadMaterial(directory, absl::Now());
  if (!own.ok()) return std::string(own.status().message());
  const Fd connection = Connect(address);
  if (!connection) return std::nullopt;
  ERR_clear_error();
  const Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_locations(context.get(), (directory + "/ca.crt").c_str(), nullptr) != 1 ||
      SSL_CTX_use_certificate_chain_file(context.get(), (directory + "/tls.crt").c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), (directory + "/tls.key").c_str(),
                                  SSL_FILETYPE_PEM) != 1) {
    return std::nullopt;  // replaced at this moment
  }
  static constexpr unsigned char kProtocols[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context.get(), kProtocols, sizeof(kProtocols));
  const Session session(SSL_new(context.get()));
  if (!session || SSL_set_fd(session.get(), connection.get()) != 1) return std::nullopt;
  if (SSL_connect(session.get()) != 1) {
    const long verified = SSL_get_verify_result(session.get());  // NOLINT(google-runtime-int)
    if (verified != X509_V_OK) {
      return RefusalText(verified);
    }
    const std::string reason = Reason();
    if (reason == "wrong version number" || reason == "packet length too long") {
      return std::string("it speaks plain text, not TLS; it needs --tls-dir, too");
    }
    return absl::StrCat("the TLS handshake fails: ", reason);
  }
  // With TLS 1.3 the server judges the client's certificate after this, and says hello only then.
  char hello = 0;
  if (SSL_read(session.get(), &hello, 1) == 1) return std::nullopt;
  return absl::StrCat(
      "it refuses the certificate in ", directory, " (",
      own->certificate.identity.ok() ? IdentityText(*own->certificate.identity) : "",
      "): ", Reason());
}

}  // namespace

std::string DiagnoseConnection(const ChannelOptions& options, absl::string_view error) {
  const absl::StatusOr<Address> address = ParseAddress(options.address, options.default_port);
  if (!address.ok() || address->is_unix() || !IsMisunderstanding(error)) return "";
  if (options.tls_dir.empty()) {
    return SpeaksTls(*address) ? "it speaks TLS, not plain text; give --tls-dir" : "";
  }
  return Try(*address, options.tls_dir).value_or("");
}

}  // namespace gitops

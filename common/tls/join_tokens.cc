#include "common/tls/join_tokens.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/crash/crash_point.h"
#include "common/path/read_file.h"
#include "common/server/replace_file.h"
#include "common/text/escape.h"
#include "common/text/sha256.h"
#include "common/tls/authority_files.h"
#include "common/tls/openssl.h"
#include "common/tls/request.h"

namespace gitops {
namespace {

using Json = nlohmann::json;

constexpr size_t kSecretBytes = 32;
constexpr size_t kSecretLength = 43;  // of its base64
constexpr size_t kMaxFile = 1 << 20;

struct Record {
  std::string sha256;
  absl::Time expires;
  std::string key;        // SHA-256 of the key that got the certificate; empty: not spent
  std::string chain_pem;  // that certificate, and those that lead to ca.crt
};

absl::StatusOr<Record> ReadRecord(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxFile);
  if (!text.ok()) return text.status();
  const Json tree = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  Record record;
  try {
    record.sha256 = tree.at("sha256");
    record.expires = absl::FromUnixSeconds(tree.at("expires"));
    record.key = tree.at("key");
    record.chain_pem = tree.at("certificate");
  } catch (const Json::exception&) {
    return absl::DataLossError(
        absl::StrCat("cannot use ", path, ": it is damaged; make the host another token"));
  }
  return record;
}

absl::Status WriteRecord(const std::string& path, const Record& record) {
  const Json tree = {{"sha256", record.sha256},
                     {"expires", absl::ToUnixSeconds(record.expires)},
                     {"key", record.key},
                     {"certificate", record.chain_pem}};
  return ReplaceFile(path, tree.dump() + "\n", 0600);
}

bool IsSame(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

absl::Status NotValid() {
  return absl::UnauthenticatedError(
      "the join token is not valid: it was never made, was revoked, or a later one replaced it; "
      "make another with 'gitopsctl ca token'");
}

absl::Status Unavailable(const absl::Status& cause) {
  return absl::UnavailableError(cause.message());
}

// OK: the token is that of the record, for this host, and has not expired.
absl::Status CheckToken(const JoinRequest& request, const std::string& host, const Record& record,
                        absl::Time now) {
  if (!IsSame(Sha256Hex(request.token.Reveal()), record.sha256)) return NotValid();
  if (request.host != host) {
    return absl::PermissionDeniedError(absl::StrCat("the join token is for the host ", host,
                                                    ", not for ", EscapeText(request.host)));
  }
  if (record.expires > now) return absl::OkStatus();
  return absl::UnauthenticatedError(absl::StrCat("the join token expired at ",
                                                 tls::TimeText(record.expires),
                                                 "; make another with 'gitopsctl ca token'"));
}

}  // namespace

absl::StatusOr<std::string> HostOfJoinToken(const Secret& token) {
  const std::string& text = token.Reveal();
  const size_t slash = text.find('/');
  if (slash != std::string::npos && text.size() - slash - 1 == kSecretLength &&
      CheckIdentityName(text.substr(0, slash)).ok()) {
    return text.substr(0, slash);
  }
  return absl::InvalidArgumentError(
      "the text is not a join token as 'gitopsctl ca token' prints it (HOST/SECRET)");
}

std::string JoinTokens::PathOf(const std::string& host) const {
  return absl::StrCat(directory_, "/tokens/", host, ".json");
}

absl::StatusOr<Secret> JoinTokens::Create(const std::string& host, absl::Duration lifetime,
                                          absl::Time now) const {
  if (absl::Status named = CheckIdentityName(host); !named.ok()) return named;
  if (auto authority = CertificateAuthority::Open(directory_); !authority.ok()) {
    return authority.status();
  }
  unsigned char random[kSecretBytes];
  if (RAND_bytes(random, sizeof random) != 1) return tls::OpensslError("make a token");
  std::string secret = absl::WebSafeBase64Escape(
      absl::string_view(reinterpret_cast<const char*>(random), sizeof random));
  Secret token(absl::StrCat(host, "/", secret));
  const absl::StatusOr<Fd> lock = tls::LockDirectory(directory_ + "/tokens");
  if (!lock.ok()) return lock.status();
  const Record record{Sha256Hex(token.Reveal()), now + lifetime, "", ""};
  if (absl::Status written = WriteRecord(PathOf(host), record); !written.ok()) return written;
  return token;
}

absl::Status JoinTokens::Revoke(const std::string& host) const {
  if (absl::Status named = CheckIdentityName(host); !named.ok()) return named;
  const std::string path = PathOf(host);
  if (unlink(path.c_str()) == 0) return absl::OkStatus();
  if (errno == ENOENT) {
    return absl::NotFoundError(
        absl::StrCat("the host ", host, " has no join token in ", directory_));
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", path));
}

absl::StatusOr<Joined> JoinTokens::Redeem(const JoinRequest& request, absl::Time now) const {
  const absl::StatusOr<std::string> host = HostOfJoinToken(request.token);
  if (!host.ok()) return NotValid();
  const absl::StatusOr<std::string> key = KeyOfRequest(request.request_pem);
  if (!key.ok()) return key.status();
  const std::string path = PathOf(*host);
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) return NotValid();
  const absl::StatusOr<Fd> lock = tls::LockDirectory(directory_ + "/tokens");
  if (!lock.ok()) return Unavailable(lock.status());
  absl::StatusOr<Record> record = ReadRecord(path);
  if (absl::IsNotFound(record.status())) return NotValid();
  if (!record.ok()) return Unavailable(record.status());
  if (absl::Status good = CheckToken(request, *host, *record, now); !good.ok()) return good;
  if (!record->key.empty() && record->key != *key) {
    return absl::AlreadyExistsError(absl::StrCat("the join token of ", *host,
                                                 " was used already, with another key; if that "
                                                 "was not you, revoke agent/",
                                                 *host,
                                                 "; else make another with 'gitopsctl ca "
                                                 "token'"));
  }
  const auto authority = CertificateAuthority::Open(directory_);
  if (!authority.ok()) return Unavailable(authority.status());
  if (!record->key.empty()) {
    Joined joined{{}, true};
    joined.material.authorities_pem = authority->authorities_pem();
    joined.material.links_pem = authority->links_pem();
    joined.material.chain_pem = record->chain_pem;
    joined.material.certificate.holder = "agent/" + *host;
    return joined;
  }
  LeafRequest leaf;
  leaf.identity = {Role::kAgent, *host};
  absl::StatusOr<IssuedMaterial> material = authority->Sign(request.request_pem, leaf, now);
  if (!material.ok()) return Unavailable(material.status());
  CrashPoint("planner-join-issued");
  record->key = *key;
  record->chain_pem = material->chain_pem;
  if (absl::Status spent = WriteRecord(path, *record); !spent.ok()) return Unavailable(spent);
  CrashPoint("planner-join-spent");
  return Joined{*std::move(material), false};
}

}  // namespace gitops

#include "agent/join/join.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/server/replace_file.h"
#include "common/text/escape.h"
#include "common/tls/join_tokens.h"
#include "common/tls/next_files.h"
#include "common/tls/request.h"
#include "common/tls/trusted.h"

namespace gitops {
namespace {

using Json = nlohmann::json;

constexpr size_t kHashLength = 64;
constexpr size_t kShownText = 300;
// Certificates are valid from 5 minutes before they are issued.
constexpr absl::Duration kClockTolerance = absl::Minutes(4);
constexpr absl::Duration kTimeout = absl::Seconds(30);

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::Status CheckOptions(const JoinOptions& options) {
  if (!absl::StartsWith(options.planner, "https://")) {
    return absl::InvalidArgumentError(absl::StrCat("--planner: \"", EscapeText(options.planner),
                                                   "\" is not of the form https://HOST:8005"));
  }
  bool is_hex = options.ca_hash.size() == kHashLength;
  for (const char c : options.ca_hash) is_hex = is_hex && absl::ascii_isxdigit(c);
  if (!is_hex) {
    return absl::InvalidArgumentError(
        "--ca-hash: it has to be the 64 hex digits that 'gitopsctl ca token' prints");
  }
  if (options.tls_dir.empty()) return absl::InvalidArgumentError("--tls-dir: it is empty");
  const absl::StatusOr<std::string> host = HostOfJoinToken(options.token);
  if (!host.ok()) return host.status();
  if (*host == options.host) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the token is for the host ", *host, ", but this host is ",
                   EscapeText(options.host), "; if it is to be ", *host, ", give --name ", *host));
}

// A sentence if there is nothing to do, else empty.
absl::StatusOr<std::string> PresentIn(const JoinOptions& options, absl::Time now) {
  if (absl::Status finished = FinishNext(options.tls_dir); !finished.ok()) return finished;
  const absl::StatusOr<TlsMaterial> present = LoadMaterial(options.tls_dir, now);
  // Files that expired, or were left by an attempt that was interrupted, are replaced.
  if (!present.ok()) {
    const bool other =
        !absl::IsNotFound(present.status()) && !absl::IsFailedPrecondition(present.status());
    return other ? present.status() : absl::StatusOr<std::string>("");
  }
  const Identity& holder = *present->certificate.identity;
  if (holder != Identity{Role::kAgent, options.host}) {
    return absl::FailedPreconditionError(absl::StrCat(options.tls_dir, " has the certificate of ",
                                                      IdentityText(holder),
                                                      "; give another --tls-dir, or remove it"));
  }
  return absl::StrCat("this host has joined already, as ", IdentityText(holder),
                      "; its certificate is valid until ",
                      TimeText(present->certificate.not_after));
}

absl::Status CheckClock(const HttpResponse& response, absl::Time now) {
  const auto date = response.headers.find("date");
  absl::Time theirs;
  if (date == response.headers.end() ||
      !absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", date->second, &theirs, nullptr)) {
    return absl::OkStatus();
  }
  const absl::Duration ahead = now - theirs;
  if (absl::AbsDuration(ahead) <= kClockTolerance) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the clock of this host is ",
                   absl::FormatDuration(absl::Trunc(absl::AbsDuration(ahead), absl::Seconds(1))),
                   ahead > absl::ZeroDuration() ? " ahead of" : " behind",
                   " the planner's (here it is ", TimeText(now), ", there ", TimeText(theirs),
                   "); set the one that is wrong: certificates are valid for a time"));
}

absl::StatusOr<std::string> TextOf(const Json& tree, const char* name, const std::string& url) {
  if (tree.is_object() && tree.contains(name) && tree[name].is_string()) {
    return tree[name].get<std::string>();
  }
  return absl::UnavailableError(absl::StrCat("the answer of ", url, " has no ", name,
                                             "; is it the planner's --join-listen?"));
}

absl::Status Refusal(const HttpResponse& response, const std::string& url) {
  const Json tree = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  std::string detail = response.body.substr(0, kShownText);
  if (tree.is_object() && tree.contains("detail") && tree["detail"].is_string()) {
    detail = tree["detail"].get<std::string>();
  }
  const std::string text =
      absl::StrCat(url, " answered ", response.status, ": ", EscapeText(detail));
  return response.status == 429 || response.status >= 500 ? absl::UnavailableError(text)
                                                          : absl::PermissionDeniedError(text);
}

absl::StatusOr<Json> Exchange(HttpClient& http, const HttpRequest& request, Clock& clock) {
  const absl::StatusOr<HttpResponse> response = http.Do(request);
  if (!response.ok()) return response.status();
  if (absl::Status right = CheckClock(*response, clock.Now()); !right.ok()) return right;
  if (response->status != 200) return Refusal(*response, request.url);
  return Json::parse(response->body, nullptr, /*allow_exceptions=*/false);
}

// The authorities to trust, by the hash: what the planner says without proof is only compared.
absl::StatusOr<std::string> FindAuthorities(const JoinOptions& options, const std::string& base,
                                            HttpClient& http, Clock& clock) {
  HttpRequest request;
  request.url = base + "/v1/join/authorities";
  request.timeout = kTimeout;
  request.insecure_ssl = true;
  const absl::StatusOr<Json> answer = Exchange(http, request, clock);
  if (!answer.ok()) return answer.status();
  const auto offered = TextOf(*answer, "authorities", request.url);
  if (!offered.ok()) return offered.status();
  const auto links = TextOf(*answer, "links", request.url);
  if (!links.ok()) return links.status();
  const auto pinned = PinnedAuthority(*offered, options.ca_hash);
  if (!pinned.ok()) {
    return absl::Status(pinned.status().code(),
                        absl::StrCat(base, " is not trusted, and did not get the token: ",
                                     pinned.status().message()));
  }
  return TrustedAuthorities(*offered, *links, *pinned, clock.Now());
}

absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", path));
}

}  // namespace

absl::StatusOr<std::string> Join(const JoinOptions& options, HttpClient& http, Clock& clock) {
  if (absl::Status good = CheckOptions(options); !good.ok()) return good;
  const absl::StatusOr<std::string> present = PresentIn(options, clock.Now());
  if (!present.ok() || !present->empty()) return present;
  // Before the planner is asked: what cannot be written must not cost the token.
  if (absl::Status made = MakeDirectory(options.tls_dir); !made.ok()) return made;
  const absl::StatusOr<Secret> key = NextKey(options.tls_dir);
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::string> request_pem = RequestFor(*key);
  if (!request_pem.ok()) return request_pem.status();

  const std::string base(absl::StripSuffix(options.planner, "/"));
  const absl::StatusOr<std::string> trusted = FindAuthorities(options, base, http, clock);
  if (!trusted.ok()) return trusted.status();
  // Before the certificate is there: a crash in between must not leave one that is never renewed.
  absl::Status marked =
      ReplaceFile(absl::StrCat(options.tls_dir, "/", kJoinedMark), base + "\n", 0644);
  if (!marked.ok()) return marked;
  HttpRequest request;
  request.method = "POST";
  request.url = base + "/v1/join";
  request.timeout = kTimeout;
  request.ca_pem = Secret(*trusted);
  request.headers = {{"Content-Type", "application/json"}};
  request.body =
      Json{{"host", options.host}, {"token", options.token.Reveal()}, {"request", *request_pem}}
          .dump();
  const absl::StatusOr<Json> answer = Exchange(http, request, clock);
  if (!answer.ok()) return answer.status();
  const auto chain = TextOf(*answer, "certificate", request.url);
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<CertificateInfo> taken =
      TakeNext(options.tls_dir, *trusted, *chain, {Role::kAgent, options.host}, clock.Now());
  if (!taken.ok()) return taken.status();
  return absl::StrCat("joined as agent/", options.host, "; ", options.tls_dir,
                      " has its certificate, valid until ", TimeText(taken->not_after),
                      ", which the agent renews itself");
}

}  // namespace gitops

#include "services/promotion_receiver/observe/kube_client.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/toml.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"
#include "google/rpc/error_details.pb.h"

namespace gitops {
namespace {

using nlohmann::json;

// An object of etcd has at most 1.5 MB; a list of resources is smaller.
constexpr int64_t kMaxBody = 4 << 20;
constexpr absl::Duration kLongestRetryAfter = absl::Minutes(10);
constexpr size_t kLongestMessage = 300;
constexpr size_t kMostVersions = 20;
// A version that the cluster begins to serve is seen after this time.
constexpr absl::Duration kKeepDiscovery = absl::Minutes(5);

std::string Text(const json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// The members of a list in an object; none: it has no such list.
const json& List(const json& object, const char* key) {
  static const json empty = json::array();
  if (!object.is_object()) return empty;
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : empty;
}

// A part of a path of the API. Names of Kubernetes consist of these characters.
absl::Status CheckName(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= 253 && name != "." && name != ".." &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
                             c == '.' || c == '_' || c == ':';
                    });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", absl::CHexEscape(name), "\" is not a name of Kubernetes"));
}

// Whether an answer of GetPath says that there is nothing at the path.
bool IsNotServed(const absl::Status& answer) {
  return absl::IsNotFound(answer) || absl::IsUnimplemented(answer);
}

// Why the API cannot be asked. A file that is missing says nothing about objects.
absl::Status NoAccess(const absl::Status& why) {
  return absl::IsNotFound(why) ? absl::UnavailableError(why.message()) : why;
}

// The token to send; empty: none.
absl::StatusOr<std::string> TokenOf(const KubeAccess& access) {
  if (access.token_file.empty()) return access.token.Reveal();
  // Read each time: Kubernetes replaces it every hour.
  const absl::StatusOr<std::string> text = ReadConfigText(access.token_file);
  if (!text.ok()) return text.status();
  return std::string(absl::StripAsciiWhitespace(*text));
}

}  // namespace

absl::Status KubeClient::Error(const std::string& path, absl::StatusCode code,
                               absl::string_view what) const {
  return absl::Status(code, absl::StrCat(options_.cluster, ": GET ", path, ": ", what));
}

absl::StatusOr<HttpResponse> KubeClient::Ask(const std::string& path, const GiveUp& give_up) {
  const absl::StatusOr<KubeAccess> access = options_.access();
  if (!access.ok()) return NoAccess(access.status());
  HttpRequest request;
  request.url = access->server + path;
  request.timeout = options_.timeout;
  request.max_body = kMaxBody;
  request.insecure_ssl = access->insecure_ssl;
  request.give_up = give_up;
  request.headers = {{"Accept", "application/json"}, {"User-Agent", "gitops-promotion-receiver"}};
  request.ca_file = access->authority.file;
  request.ca_pem = access->authority.data;
  request.certificate_file = access->certificate.file;
  request.certificate_pem = access->certificate.data;
  request.key_file = access->key.file;
  request.key_pem = access->key.data;
  const absl::StatusOr<std::string> token = TokenOf(*access);
  if (!token.ok()) return NoAccess(token.status());
  if (!token->empty()) request.headers.emplace_back("Authorization", "Bearer " + *token);
  return options_.http->Do(request);
}

absl::Status KubeClient::ErrorOf(const std::string& path, const HttpResponse& response) const {
  const json body = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  const bool from_api = Text(body, "kind") == "Status";
  const std::string message = ValidUtf8(from_api ? Text(body, "message") : "", kLongestMessage);
  const std::string what =
      absl::StrCat("answered ", response.status, message.empty() ? "" : ": ", message);
  switch (response.status) {
    case 401:
      return Error(path, absl::StatusCode::kUnauthenticated,
                   absl::StrCat(what, "; its credentials are not valid (any more)"));
    case 403:
      return Error(path, absl::StatusCode::kPermissionDenied,
                   absl::StrCat(what, "; allow the account of the receiver to get it"));
    case 404:
      // For a path that it does not serve, the API answers as any web server.
      return Error(path, from_api ? absl::StatusCode::kNotFound : absl::StatusCode::kUnimplemented,
                   what);
    default:
      break;
  }
  if (response.status != 429 && response.status < 500) {
    return Error(path, absl::StatusCode::kDataLoss, what);
  }
  absl::Status error = Error(path, absl::StatusCode::kUnavailable, what);
  const auto header = response.headers.find("retry-after");
  int seconds = 0;
  if (header != response.headers.end() && absl::SimpleAtoi(header->second, &seconds) &&
      seconds > 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(
        std::min<int64_t>(seconds, absl::ToInt64Seconds(kLongestRetryAfter)));
    SetDetail(retry, error);
  }
  return error;
}

absl::StatusOr<json> KubeClient::GetPath(const std::string& path, const GiveUp& give_up) {
  const absl::StatusOr<HttpResponse> response = Ask(path, give_up);
  if (!response.ok()) {
    return WithMessage(response.status(),
                       absl::StrCat(options_.cluster, ": ", response.status().message()));
  }
  if (response->status != 200) return ErrorOf(path, *response);
  json body = json::parse(response->body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) {
    return Error(path, absl::StatusCode::kDataLoss, "the answer is not a JSON object");
  }
  return body;
}

std::optional<KubeClient::Resource> KubeClient::Known(const KubeObjectName& name) const {
  MutexLock lock(mutex_);
  const auto known = resources_.find({name.group, name.kind});
  if (known == resources_.end()) return std::nullopt;
  const absl::Duration age = options_.clock->Now() - known->second.found;
  if (age < absl::ZeroDuration() || age > kKeepDiscovery) return std::nullopt;
  return known->second;
}

void KubeClient::Forget(const KubeObjectName& name) {
  MutexLock lock(mutex_);
  resources_.erase({name.group, name.kind});
}

absl::StatusOr<KubeClient::Resource> KubeClient::Discover(const KubeObjectName& name,
                                                          const GiveUp& give_up) {
  if (const auto known = Known(name)) return *known;
  const std::string group_path = absl::StrCat("/apis/", name.group);
  const absl::StatusOr<json> group = GetPath(group_path, give_up);
  if (IsNotServed(group.status())) {
    return Error(group_path, absl::StatusCode::kFailedPrecondition,
                 "answered 404: the cluster does not serve this API group");
  }
  if (!group.ok()) return group.status();
  std::vector<std::string> versions;
  const auto preferred = group->find("preferredVersion");
  if (preferred != group->end()) versions.push_back(Text(*preferred, "version"));
  for (const json& entry : List(*group, "versions")) versions.push_back(Text(entry, "version"));
  if (versions.size() > kMostVersions) versions.resize(kMostVersions);
  for (const std::string& version : versions) {
    if (!CheckName(version).ok()) continue;
    const absl::StatusOr<json> list = GetPath(absl::StrCat(group_path, "/", version), give_up);
    if (IsNotServed(list.status())) continue;
    if (!list.ok()) return list.status();
    for (const json& entry : List(*list, "resources")) {
      Resource resource{
          .version = version, .plural = Text(entry, "name"), .found = options_.clock->Now()};
      // "helmreleases/status" is a part of another one.
      if (Text(entry, "kind") != name.kind || !CheckName(resource.plural).ok()) continue;
      const auto namespaced = entry.find("namespaced");
      resource.namespaced = namespaced == entry.end() || *namespaced != false;
      MutexLock lock(mutex_);
      resources_[{name.group, name.kind}] = resource;
      return resource;
    }
  }
  return Error(group_path, absl::StatusCode::kFailedPrecondition,
               absl::StrCat("the cluster serves no kind ", name.kind, " in this API group"));
}

absl::StatusOr<json> KubeClient::Get(const KubeObjectName& name, const GiveUp& give_up) {
  for (const std::string* part : {&name.group, &name.kind, &name.namespace_, &name.name}) {
    if (absl::Status fits = CheckName(*part); !fits.ok()) return fits;
  }
  const bool known = Known(name).has_value();
  const absl::StatusOr<Resource> resource = Discover(name, give_up);
  if (!resource.ok()) return resource.status();
  const std::string path = absl::StrCat(
      "/apis/", name.group, "/", resource->version,
      resource->namespaced ? absl::StrCat("/namespaces/", name.namespace_) : std::string(), "/",
      resource->plural, "/", name.name);
  absl::StatusOr<json> object = GetPath(path, give_up);
  if (!IsNotServed(object.status())) return object;
  // The version may no longer be served, or the kind may have been installed anew.
  Forget(name);
  if (known) return Get(name, give_up);
  if (absl::IsNotFound(object.status())) return object;
  return Error(path, absl::StatusCode::kDataLoss,
               "answered 404, and not as the Kubernetes API does for an object");
}

}  // namespace gitops

#include "services/promotion_receiver/observe/kubeconfig.h"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/config/toml.h"
#include "common/http/client.h"

namespace gitops {
namespace {

constexpr size_t kLongest = 1 << 20;

// What a user of a kubeconfig may have and we do not support, and why.
struct Unsupported {
  const char* key;
  const char* why;
};
constexpr char kUseToken[] =
    "; give the receiver a service account of its own and put its token into token or tokenFile";
constexpr Unsupported kUnsupportedUser[] = {
    {"exec", "would run a program on this machine to authenticate, which is not supported"},
    {"auth-provider", "is a plugin to authenticate, which is not supported"},
    {"username", "is a password login, which Kubernetes has removed"},
    {"password", "is a password login, which Kubernetes has removed"},
    {"as", "acts as another user, which is not supported"},
};
constexpr Unsupported kUnsupportedCluster[] = {
    {"proxy-url", "is a proxy, which is not supported: give a server that can be reached directly"},
    {"tls-server-name",
     "is not supported: give a server whose certificate has the name of its URL"},
};

// Reads one file. The first error stays.
class Reader {
 public:
  Reader(const std::string& file, const std::string& directory)
      : file_(file), directory_(directory) {}

  absl::StatusOr<KubeAccess> Read(const YAML::Node& root, std::string context) {
    KubeAccess access;
    if (!IsMap(root, "the kubeconfig")) return status_;
    if (context.empty()) context = Text(root, "current-context");
    if (context.empty()) {
      Fault(root, "no context is named, and it has no current-context");
      return status_;
    }
    const YAML::Node used = Named(root, "contexts", "context", context);
    if (!status_.ok()) return status_;
    ReadCluster(Named(root, "clusters", "cluster", Text(used, "cluster")), access);
    if (status_.ok()) ReadUser(Named(root, "users", "user", Text(used, "user")), access);
    if (!status_.ok()) return status_;
    return access;
  }

 private:
  void Fault(const YAML::Node& node, const std::string& what) {
    if (!status_.ok()) return;
    const YAML::Mark mark = node.IsDefined() ? node.Mark() : YAML::Mark::null_mark();
    status_ = absl::InvalidArgumentError(mark.is_null()
                                             ? absl::StrCat(file_, ": ", what)
                                             : absl::StrCat(file_, ":", mark.line + 1, ": ", what));
  }

  // A map without a key that is given twice.
  bool IsMap(const YAML::Node& node, absl::string_view what) {
    if (!node.IsDefined() || !node.IsMap()) {
      Fault(node, absl::StrCat(what, " must be a map"));
      return false;
    }
    std::set<std::string> keys;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar() || !keys.insert(entry.first.Scalar()).second) {
        Fault(entry.first, absl::StrCat("a key of ", what, " is no text, or given twice"));
        return false;
      }
    }
    return true;
  }

  std::string Text(const YAML::Node& map, const char* key) {
    if (!status_.ok()) return "";
    const YAML::Node value = map[key];
    if (!value.IsDefined() || value.IsNull()) return "";
    if (value.IsScalar()) return value.Scalar();
    Fault(value, absl::StrCat(key, " must be text"));
    return "";
  }

  // The `inner` of the entry of a list that has the name.
  YAML::Node Named(const YAML::Node& root, const char* list, const char* inner,
                   const std::string& name) {
    if (!status_.ok()) return YAML::Node();
    const YAML::Node entries = root[list];
    if (entries.IsDefined() && entries.IsSequence()) {
      for (const YAML::Node& entry : entries) {
        if (!IsMap(entry, absl::StrCat("an entry of ", list))) return YAML::Node();
        if (Text(entry, "name") != name) continue;
        const YAML::Node found = entry[inner];
        if (!IsMap(found, absl::StrCat("the ", inner, " \"", name, "\""))) return YAML::Node();
        return found;
      }
    }
    Fault(entries.IsDefined() ? entries : root,
          absl::StrCat("there is no ", inner, " \"", name, "\" in ", list));
    return YAML::Node();
  }

  template <size_t N>
  void Refuse(const YAML::Node& map, const Unsupported (&unsupported)[N], absl::string_view end) {
    for (const Unsupported& row : unsupported) {
      if (map[row.key].IsDefined()) {
        Fault(map[row.key], absl::StrCat(row.key, " ", row.why, end));
      }
    }
  }

  std::string Path(const YAML::Node& map, const char* key) {
    const std::string path = Text(map, key);
    if (path.empty()) return "";
    return (std::filesystem::path(directory_) / path).lexically_normal().string();
  }

  PemSource Pem(const YAML::Node& map, const std::string& key) {
    PemSource pem{.file = Path(map, key.c_str())};
    const std::string data_key = key + "-data";
    const std::string encoded = Text(map, data_key.c_str());
    if (encoded.empty()) return pem;
    std::string data;
    if (!absl::Base64Unescape(encoded, &data) || data.find("-----BEGIN") == std::string::npos) {
      Fault(map[data_key], absl::StrCat(data_key, " is not PEM in base64"));
    }
    pem.data = Secret(std::move(data));
    return pem;
  }

  void ReadCluster(const YAML::Node& cluster, KubeAccess& access) {
    if (!status_.ok()) return;
    Refuse(cluster, kUnsupportedCluster, "");
    access.server = std::string(absl::StripSuffix(Text(cluster, "server"), "/"));
    if (absl::Status url = CheckRequestUrl(access.server); !url.ok()) {
      Fault(cluster, absl::StrCat("server: ", url.message()));
    }
    access.authority = Pem(cluster, "certificate-authority");
    const std::string insecure = Text(cluster, "insecure-skip-tls-verify");
    if (!insecure.empty() && insecure != "true" && insecure != "false") {
      Fault(cluster["insecure-skip-tls-verify"], "insecure-skip-tls-verify must be true or false");
    }
    access.insecure_ssl = insecure == "true";
  }

  void ReadUser(const YAML::Node& user, KubeAccess& access) {
    if (!status_.ok()) return;
    Refuse(user, kUnsupportedUser, kUseToken);
    access.certificate = Pem(user, "client-certificate");
    access.key = Pem(user, "client-key");
    access.token = Secret(Text(user, "token"));
    access.token_file = Path(user, "tokenFile");
    const bool has_certificate =
        !access.certificate.file.empty() || !access.certificate.data.empty();
    const bool has_key = !access.key.file.empty() || !access.key.data.empty();
    if (has_certificate != has_key) {
      Fault(user, "client-certificate and client-key (or their -data) must be given together");
    }
    const bool plain = absl::StartsWith(access.server, "http://");
    if (plain && (!access.token.empty() || !access.token_file.empty())) {
      Fault(user, "a token would be sent in plain text: give an https:// server");
    }
  }

  const std::string& file_;
  const std::string& directory_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<KubeAccess> ParseKubeconfig(absl::string_view text, const std::string& file,
                                           const std::string& context) {
  if (text.size() > kLongest) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": is larger than ", kLongest, " bytes, and no kubeconfig"));
  }
  const std::string directory = ConfigDirectory(file);
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    return Reader(file, directory).Read(root, context);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.mark.line + 1, ": is not YAML: ", error.msg));
  }
}

std::optional<KubeAccess> PodAccess(const std::string& directory) {
  const char* const host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* const port = std::getenv("KUBERNETES_SERVICE_PORT");
  std::error_code error;
  if (host == nullptr || port == nullptr || !std::filesystem::exists(directory + "/token", error)) {
    return std::nullopt;
  }
  const bool ipv6 = absl::StrContains(host, ":");
  return KubeAccess{
      .server = absl::StrCat("https://", ipv6 ? "[" : "", host, ipv6 ? "]" : "", ":", port),
      .authority = {.file = directory + "/ca.crt"},
      .token_file = directory + "/token"};
}

}  // namespace gitops

#include "common/http/router.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

struct Route {
  size_t index;
  std::vector<std::string> names;  // of its parameters, in order
  bool rest;                       // the last one is {name=**}
};
using Methods = std::map<std::string, Route, std::less<>>;
using Values = std::vector<absl::string_view>;

const Route* ForMethod(const Methods& methods, absl::string_view method) {
  auto found = methods.find(method);
  if (found == methods.end() && method == "HEAD") found = methods.find("GET");
  if (found == methods.end()) found = methods.find("*");
  return found == methods.end() ? nullptr : &found->second;
}

std::string AllowedOf(const Methods& methods) {
  std::vector<std::string> names;
  for (const auto& [method, route] : methods) {
    names.push_back(method);
    if (method == "GET" && !methods.contains("HEAD")) names.push_back("HEAD");
  }
  return absl::StrJoin(names, ", ");
}

// "name" of "{name}".
std::optional<absl::string_view> ParameterName(absl::string_view segment) {
  if (!absl::ConsumePrefix(&segment, "{") || !absl::ConsumeSuffix(&segment, "}")) {
    return std::nullopt;
  }
  return segment;
}

absl::Status Malformed(absl::string_view path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("bad route path \"", path, "\": ", why));
}

}  // namespace

struct HttpRouter::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literal;
  std::unique_ptr<Node> parameter;
  Methods methods;  // of the path that ends here
  Methods rest;     // of {name=**} here

  static const Methods* Search(const Node& node, const Values& segments, size_t at, Values& values,
                               absl::string_view path);
};

HttpRouter::HttpRouter() : root_(std::make_unique<Node>()) {}
HttpRouter::~HttpRouter() = default;
HttpRouter::HttpRouter(HttpRouter&&) noexcept = default;
HttpRouter& HttpRouter::operator=(HttpRouter&&) noexcept = default;

absl::Status HttpRouter::Add(const std::string& method, const std::string& path) {
  if (method.empty() || !absl::StartsWith(path, "/")) {
    return Malformed(path, "a route needs a method, and a path that starts with '/'");
  }
  Node* node = root_.get();
  Methods* methods = nullptr;
  std::vector<std::string> names;
  for (absl::string_view segment : absl::StrSplit(path.substr(1), '/')) {
    if (methods != nullptr) return Malformed(path, "something follows {name=**}");
    std::optional<absl::string_view> name = ParameterName(segment);
    if (!name.has_value()) {
      if (absl::StrContains(segment, '{')) return Malformed(path, "'{' within a segment");
      std::unique_ptr<Node>& next = node->literal[std::string(segment)];
      if (next == nullptr) next = std::make_unique<Node>();
      node = next.get();
      continue;
    }
    if (absl::ConsumeSuffix(&*name, "=**")) {
      methods = &node->rest;
    } else {
      if (node->parameter == nullptr) node->parameter = std::make_unique<Node>();
      node = node->parameter.get();
    }
    if (name->empty()) return Malformed(path, "a parameter without a name");
    names.emplace_back(*name);
  }
  const bool rest = methods != nullptr;
  if (!rest) methods = &node->methods;
  const Route route{.index = routes_, .names = std::move(names), .rest = rest};
  if (!methods->emplace(method, route).second) {
    return absl::AlreadyExistsError(absl::StrCat("two routes for ", method, " ", path));
  }
  ++routes_;
  return absl::OkStatus();
}

// As deep as the longest route, whatever the request.
const Methods* HttpRouter::Node::Search(const Node& node, const Values& segments, size_t at,
                                        Values& values, absl::string_view path) {
  if (at == segments.size()) {
    if (!node.methods.empty()) return &node.methods;
  } else {
    if (const auto next = node.literal.find(segments[at]); next != node.literal.end()) {
      if (const Methods* found = Search(*next->second, segments, at + 1, values, path)) {
        return found;
      }
    }
    if (node.parameter != nullptr && !segments[at].empty()) {
      values.push_back(segments[at]);
      if (const Methods* found = Search(*node.parameter, segments, at + 1, values, path)) {
        return found;
      }
      values.pop_back();
    }
  }
  if (node.rest.empty()) return nullptr;
  values.push_back(at == segments.size() ? "" : path.substr(segments[at].data() - path.data()));
  return &node.rest;
}

absl::StatusOr<HttpRouter::Match> HttpRouter::Find(absl::string_view method, absl::string_view path,
                                                   std::string* allowed) const {
  const Values segments = absl::StrSplit(absl::StripPrefix(path, "/"), '/');
  Values values;
  const Methods* const methods = Node::Search(*root_, segments, 0, values, path);
  if (methods == nullptr) return absl::NotFoundError("there is no such path");
  const Route* const route = ForMethod(*methods, method);
  if (route == nullptr) {
    const std::string names = AllowedOf(*methods);
    if (allowed != nullptr) *allowed = names;
    return absl::UnimplementedError(absl::StrCat("this path supports only ", names));
  }
  Match match{.route = route->index, .parameters = {}};
  for (size_t i = 0; i < values.size(); ++i) {
    std::string& value = match.parameters[route->names[i]];
    if (route->rest && i + 1 == values.size()) {
      value = std::string(values[i]);
      continue;
    }
    absl::StatusOr<std::string> decoded = PercentDecode(values[i]);
    if (!decoded.ok()) return decoded.status();
    value = *std::move(decoded);
  }
  return match;
}

absl::StatusOr<std::string> PercentDecode(absl::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
        !absl::ascii_isxdigit(text[i + 2])) {
      return absl::InvalidArgumentError("a '%' in the path is not followed by two hex digits");
    }
    decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
    i += 2;
  }
  return decoded;
}

}  // namespace gitops

#include "common/api/route_compiler.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

bool IsLiteral(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_';
  });
}

bool IsNested(const FieldDescriptor& field) {
  return field.message_type() != nullptr &&
         !absl::StartsWith(field.message_type()->full_name(), "google.protobuf.");
}

bool Contains(const std::vector<const FieldDescriptor*>& fields, const FieldDescriptor* field) {
  return std::find(fields.begin(), fields.end(), field) != fields.end();
}

class Compiler {
 public:
  Compiler(const MethodDescriptor& method, const google::api::HttpRule& rule,
           const std::string& host_variable)
      : method_(method), rule_(rule) {
    route_.method = &method;
    route_.host_variable = host_variable;
  }

  absl::StatusOr<RpcRoute> Run() {
    if (method_.client_streaming()) return Bad("a stream of requests has no HTTP form");
    for (auto step : {&Compiler::ReadPattern, &Compiler::ReadPath, &Compiler::ReadBody,
                      &Compiler::PlaceOtherFields}) {
      if (absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return std::move(route_);
  }

 private:
  template <typename... Parts>
  absl::Status Bad(const Parts&... parts) const {
    return absl::InvalidArgumentError(
        absl::StrCat("the HTTP rule of ", method_.full_name(), ": ", parts...));
  }

  absl::Status ReadPattern() {
    switch (rule_.pattern_case()) {
      case google::api::HttpRule::kGet:
        route_.http_method = "GET";
        route_.path = rule_.get();
        return absl::OkStatus();
      case google::api::HttpRule::kPost:
        route_.http_method = "POST";
        route_.path = rule_.post();
        return absl::OkStatus();
      case google::api::HttpRule::PATTERN_NOT_SET:
        break;
    }
    return Bad("it has no path");
  }

  absl::Status ReadPath() {
    absl::string_view rest = route_.path;
    if (!absl::ConsumePrefix(&rest, "/")) return Bad("the path does not start with \"/\"");
    const std::vector<absl::string_view> verb = absl::StrSplit(rest, absl::MaxSplits(':', 1));
    if (verb.size() == 2) {
      if (!IsLiteral(verb[1])) return Bad("\"", verb[1], "\" is not a verb");
      route_.verb = std::string(verb[1]);
    }
    for (const absl::string_view segment : absl::StrSplit(verb[0], '/')) {
      if (absl::Status status = ReadSegment(segment); !status.ok()) return status;
    }
    if (!route_.host_variable.empty() && !has_host_) {
      return Bad("the path has no {", route_.host_variable, "}");
    }
    return absl::OkStatus();
  }

  absl::Status ReadSegment(absl::string_view segment) {
    const bool is_variable = absl::StartsWith(segment, "{") && absl::EndsWith(segment, "}");
    const absl::string_view name = is_variable ? segment.substr(1, segment.size() - 2) : segment;
    if (!IsLiteral(name)) return Bad("\"", segment, "\" is not a segment");
    route_.segments.push_back({.text = std::string(name), .is_variable = is_variable});
    return is_variable ? BindVariable(route_.segments.back().text) : absl::OkStatus();
  }

  absl::Status BindVariable(const std::string& name) {
    const FieldDescriptor* field = method_.input_type()->FindFieldByName(name);
    if (name == route_.host_variable) {
      if (has_host_) return Bad("{", name, "} is repeated in the path");
      if (field != nullptr) return Bad("{", name, "} selects the agent, but is also a field");
      has_host_ = true;
      return absl::OkStatus();
    }
    if (field == nullptr) return Bad("{", name, "} is not a field of the request");
    if (field->type() != FieldDescriptor::TYPE_STRING || field->is_repeated()) {
      return Bad("{", name, "} is not one string");
    }
    if (Contains(route_.path_fields, field)) return Bad("{", name, "} is repeated in the path");
    route_.path_fields.push_back(field);
    return absl::OkStatus();
  }

  absl::Status ReadBody() {
    if (rule_.body().empty()) return absl::OkStatus();
    if (route_.http_method == "GET") return Bad("a GET has no body");
    if (rule_.body() == "*") {
      route_.body = RpcRoute::Body::kRequest;
      return absl::OkStatus();
    }
    route_.body = RpcRoute::Body::kField;
    route_.body_field = method_.input_type()->FindFieldByName(rule_.body());
    if (route_.body_field == nullptr || !IsNested(*route_.body_field) ||
        route_.body_field->is_repeated()) {
      return Bad("the body \"", rule_.body(), "\" is not a message field of the request");
    }
    return absl::OkStatus();
  }

  absl::Status PlaceOtherFields() {
    if (route_.body == RpcRoute::Body::kRequest) return absl::OkStatus();
    FieldPath path;
    return AddQueryFields(*method_.input_type(), path);
  }

  absl::Status AddQueryFields(const Descriptor& type, FieldPath& path) {
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor* field = type.field(i);
      if (Contains(route_.path_fields, field) || field == route_.body_field) continue;
      if (Contains(path, field)) return Bad(ToString(path), " contains itself; use a body");
      path.push_back(field);
      if (absl::Status status = AddQueryField(path); !status.ok()) return status;
      path.pop_back();
    }
    return absl::OkStatus();
  }

  absl::Status AddQueryField(FieldPath& path) {
    const FieldDescriptor& field = *path.back();
    if (!IsNested(field)) {
      route_.query_fields.push_back(path);
      return absl::OkStatus();
    }
    if (field.is_repeated()) return Bad(ToString(path), " does not fit a query; use a body");
    return AddQueryFields(*field.message_type(), path);
  }

  const MethodDescriptor& method_;
  const google::api::HttpRule& rule_;
  RpcRoute route_;
  bool has_host_ = false;
};

}  // namespace

absl::StatusOr<RpcRoute> CompileRoute(const MethodDescriptor& method,
                                      const google::api::HttpRule& rule,
                                      const std::string& host_variable) {
  return Compiler(method, rule, host_variable).Run();
}

}  // namespace gitops

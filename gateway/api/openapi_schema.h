#ifndef GITOPS_GATEWAY_API_OPENAPI_SCHEMA_H_
#define GITOPS_GATEWAY_API_OPENAPI_SCHEMA_H_

#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/json/json.h"

namespace gitops {

// Collects the JSON schemas of messages, for the components of an OpenAPI document. What a server
// sends has every field; what it accepts may leave fields out, and has the limits of the API, so a
// message in both directions has two schemas.
class OpenApiSchemas {
 public:
  using Descriptor = google::protobuf::Descriptor;
  using FieldDescriptor = google::protobuf::FieldDescriptor;

  // A reference to the schema of a message that the server sends.
  Json Sent(const Descriptor& type);
  // A reference to the schema of a message that it accepts, without some of its fields.
  Json Accepted(const Descriptor& type, const std::vector<const FieldDescriptor*>& without = {});
  // The schema of a query parameter.
  Json Parameter(const FieldDescriptor& field);
  // The schema of a variable of a path; `field`: what it sets, or null.
  Json PathSegment(const FieldDescriptor* field);

  void Add(const std::string& name, Json schema) { schemas_[name] = std::move(schema); }
  // All so far, by name.
  const Json& schemas() const { return schemas_; }

 private:
  Json Reference(const Descriptor& type, bool sent,
                 const std::vector<const FieldDescriptor*>& without);
  Json Object(const Descriptor& type, bool sent,
              const std::vector<const FieldDescriptor*>& without);
  Json Field(const FieldDescriptor& field, bool sent);
  Json Value(const FieldDescriptor& field, bool sent);
  Json Message(const FieldDescriptor& field, bool sent);

  Json schemas_ = Json::object();
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_OPENAPI_SCHEMA_H_

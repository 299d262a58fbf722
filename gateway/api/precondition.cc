#include "gateway/api/precondition.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool SameSegments(const RpcRoute& a, const RpcRoute& b) {
  return std::equal(a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
                    [](const RpcRoute::Segment& x, const RpcRoute::Segment& y) {
                      return x.text == y.text && x.is_variable == y.is_variable;
                    });
}

}  // namespace

const RpcRoute* ResourceRoute(const HttpRoutes& table, const RpcRoute& route) {
  if (route.verb.empty()) return nullptr;
  for (const RpcRoute& read : table.routes()) {
    // A stream is of many hosts.
    if (read.http_method == "GET" && read.verb.empty() && !read.method->server_streaming() &&
        SameSegments(read, route)) {
      return &read;
    }
  }
  return nullptr;
}

std::unique_ptr<Message> ResourceRequest(const RpcRoute& resource, const Message& request) {
  const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(
      resource.method->input_type());
  std::unique_ptr<Message> read(prototype->New());
  for (const FieldDescriptor* field : resource.path_fields) {
    const FieldDescriptor* from = request.GetDescriptor()->FindFieldByName(field->name());
    if (from == nullptr || from->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
    read->GetReflection()->SetString(read.get(), field,
                                     request.GetReflection()->GetString(request, from));
  }
  return read;
}

}  // namespace gitops

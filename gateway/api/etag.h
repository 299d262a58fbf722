#ifndef GITOPS_GATEWAY_API_ETAG_H_
#define GITOPS_GATEWAY_API_ETAG_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// The field of an answer with its one resource, which has an `etag` or a `generation`; null: the
// answer is of another form.
const google::protobuf::FieldDescriptor* VersionedResource(
    const google::protobuf::Descriptor& answer);

// The ETag of an answer with a versioned resource; empty: it has none.
// Weak, since some fields of a resource do not change it (a host's lastSeenTime).
std::string EtagOf(const google::protobuf::Message& answer);

// Whether a header If-None-Match or If-Match ("*", or a list) has `etag`, by weak comparison.
bool EtagMatches(absl::string_view header, absl::string_view etag);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_ETAG_H_

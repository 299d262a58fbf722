#ifndef GITOPS_AGENT_RECORD_UTF8_REPAIR_H_
#define GITOPS_AGENT_RECORD_UTF8_REPAIR_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace gitops {

// `bytes` of a message of this type with what is not UTF-8 in its strings escaped, so that it can
// be parsed: earlier agents stored such strings, and no protobuf reads them back. Empty: it is
// damaged in another way.
std::string RepairedUtf8(const google::protobuf::Descriptor& type, absl::string_view bytes);

}  // namespace gitops

#endif  // GITOPS_AGENT_RECORD_UTF8_REPAIR_H_

#ifndef GITOPS_GATEWAY_API_EVENT_CURSOR_H_
#define GITOPS_GATEWAY_API_EVENT_CURSOR_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// The place in /v1/events up to which a client has everything: the resume token of each source, by
// its name.
using EventCursor = std::map<std::string, std::string>;

// As the id of an event: opaque text without spaces.
std::string EncodeCursor(const EventCursor& cursor);
// INVALID_ARGUMENT: not such an id.
absl::StatusOr<EventCursor> DecodeCursor(absl::string_view id);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_EVENT_CURSOR_H_

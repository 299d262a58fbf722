#include "gateway/api/event_cursor.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "common/json/json.h"

namespace gitops {

std::string EncodeCursor(const EventCursor& cursor) {
  return absl::WebSafeBase64Escape(Json(cursor).dump());
}

absl::StatusOr<EventCursor> DecodeCursor(absl::string_view id) {
  const absl::Status bad =
      absl::InvalidArgumentError("Last-Event-ID is not the id of an event of this stream");
  std::string text;
  if (!absl::WebSafeBase64Unescape(id, &text)) return bad;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return bad;
  EventCursor cursor;
  for (const auto& [name, token] : json.items()) {
    if (!token.is_string()) return bad;
    cursor[name] = token.get<std::string>();
  }
  return cursor;
}

}  // namespace gitops

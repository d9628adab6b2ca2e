# The same with curl, small pictures straight through: bash client.sh SERVER PHOTO RESULT
curl --fail-with-body --silent --show-error \
  -F picture=@"$2" -F task=denoise -F sigma=auto -o "$3" "$1/api/v1/restore"

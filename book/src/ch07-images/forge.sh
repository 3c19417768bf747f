# Changes a file of the image in directory $1, and mends the names that follow;
# with keep-id, all but the configuration's.
cd "$1/blobs/sha256"
layer=$(ls -S | head -n 1)
config=$(grep -l '"diff_ids":' *)
manifest=$(grep -l '"layers":' *)

rename() { # a file, after its content; then the files that call it by its name
    old=$1 new=$(sha256sum < "$1" | cut -c-64)
    shift
    mv $old $new
    sed -i "s/$old/$new/" "$@"
}

sed -i s/root:x:0:0/toor:x:0:0/ $layer
rename $layer $manifest ../../manifest.json
if [ "$2" != keep-id ]; then
    sed -i "s/$layer/$new/" $config
    rename $config $manifest ../../manifest.json
fi
rename $manifest ../../index.json

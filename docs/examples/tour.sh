# A picture to play with, and the same with noise.
python make_picture.py clean.png
rnan degrade denoise-color clean.png -o noisy.png --level 25

rnan inspect noisy.png
rnan denoise noisy.png -o denoised.png --compare
rnan denoise noisy.png -o gentle.png --sigma 25 --strength 0.7

rnan degrade dejpeg-color clean.png -o small.jpg --level 20
rnan dejpeg small.jpg -o repaired.png

rnan degrade super-resolution clean.png -o half.png --level x2
rnan upscale half.png -o large.png --scale 2

rnan degrade demosaic clean.png -o mosaic.png --level grbg
rnan demosaic mosaic.png -o colour.png
